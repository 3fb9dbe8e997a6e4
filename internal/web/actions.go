package web

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"coursewright/internal/course"
)

// startBuild records a build and shows it.
func (s *site) startBuild(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, true)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	on := r.PostForm.Has
	options := course.BuildOptions{
		SkipGit: on("skip_git"), SkipBuild: on("skip_build"), SkipNotify: on("skip_notify"), RebuildAll: on("rebuild_all"),
		BuildImage: r.PostForm.Get("build_image"), BuildCommand: r.PostForm.Get("build_command"),
		PreviewBranch: strings.TrimSpace(r.PostForm.Get("preview_branch")),
	}
	if err := options.ValidateFor(c); err != nil {
		return err
	}
	b, err := s.Rows.RequestBuild(r.Context(), c.Key, course.BuildRequest{Options: options, Trigger: course.TriggerPage, RequestIP: s.ClientIP(r)})
	if err != nil {
		return err
	}
	s.Builds.Wake(c.Key)
	told := []any{"build", b.ID}
	if options.PreviewBranch != "" {
		told = append(told, "preview_branch", options.PreviewBranch)
	}
	s.Audit(r, "INITIATE-BUILD", c.Key, told...)
	http.Redirect(w, r, buildPath(c.Key, b.ID), http.StatusSeeOther)
	return nil
}

// redeliver does again what a delivery asked for, and shows the build.
func (s *site) redeliver(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, true)
	if err != nil {
		return err
	}
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return errNoPage
	}
	d, err := s.Rows.Delivery(r.Context(), id)
	if err != nil {
		return err
	}
	if d.CourseID != c.ID || d.Verdict != course.DeliveryAccepted {
		return errNoPage
	}
	b, err := s.Rows.RequestBuild(r.Context(), c.Key, course.BuildRequest{
		Options: d.Options, Trigger: course.TriggerHook, RequestIP: s.ClientIP(r), Delivery: &d,
	})
	if err != nil {
		return err
	}
	s.Builds.Wake(c.Key)
	s.Audit(r, "INITIATE-BUILD", c.Key, "build", b.ID, "delivery", id)
	http.Redirect(w, r, buildPath(c.Key, b.ID), http.StatusSeeOther)
	return nil
}

// cancelBuild asks a build to end and shows it.
func (s *site) cancelBuild(w http.ResponseWriter, r *http.Request) error {
	c, b, err := s.findBuild(r, true)
	if err != nil {
		return err
	}
	if !b.Status.Final() {
		if err := s.Builds.CancelBuild(r.Context(), c.Key, b.ID); err != nil {
			return err
		}
		s.Audit(r, "CANCEL-BUILD", c.Key, "build", b.ID)
	}
	http.Redirect(w, r, buildPath(c.Key, b.ID), http.StatusSeeOther)
	return nil
}

// publish makes a release the one that students see. Whoever presses the
// button has seen which way it leads, so going back is allowed where the
// button said so.
func (s *site) publish(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, true)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	wanted := course.PublishRequest{Key: c.Key, Version: r.PathValue("version"), Rollback: r.PostForm.Get("rollback") == "true"}
	if !course.ValidVersion(wanted.Version) {
		return errNoPage
	}
	done, err := s.Builds.Publish(r.Context(), wanted)
	if err != nil {
		return err
	}
	s.Audit(r, "PUBLISH", c.Key, "version", done.Version, "rollback", wanted.Rollback)
	if len(done.Errors) > 0 {
		return s.showCourse(w, r, c, append([]string{s.printer(r).T("The release is published, but graders reported errors:")}, done.Errors...))
	}
	http.Redirect(w, r, "/gitmanager/"+c.Key+"/updates?done=published", http.StatusSeeOther)
	return nil
}

// renewSecret gives the course a new webhook secret.
func (s *site) renewSecret(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, true)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	keep, err := readKeepOld(r.PostForm.Get("keep_old_hours"))
	if err != nil {
		return err
	}
	c.RenewSecret(s.Now(), keep)
	if _, err := s.Courses.UpdateCourse(r.Context(), c); err != nil {
		return err
	}
	s.Audit(r, "EDIT-COURSE", c.Key, "field", "webhook_secret", "keep_old", keep)
	http.Redirect(w, r, "/gitmanager/"+c.Key+"/webhook?done=secret", http.StatusSeeOther)
	return nil
}

// readKeepOld reads for how many hours the old secret stays valid; nothing
// means that it does not.
func readKeepOld(hours string) (time.Duration, error) {
	if hours == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(hours)
	if most := int(course.MaxKeepOldSecret / time.Hour); err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("the old secret can stay valid for 0 to %d hours: %w", most, course.ErrInvalid)
	}
	return time.Duration(n) * time.Hour, nil
}

// deleteCourse removes a course whose key was typed as confirmation.
func (s *site) deleteCourse(w http.ResponseWriter, r *http.Request) error {
	c, err := s.find(r, true)
	if err != nil {
		return err
	}
	if err := parseForm(r); err != nil {
		return err
	}
	if r.PostForm.Get("confirm") != c.Key {
		page := s.newFormPage(r, c.Key, c)
		return s.formAgain(w, r, page, &course.FieldErrors{Fields: []course.FieldError{{
			Field: "confirm", Message: s.printer(r).T("Type %s to remove the course.", c.Key),
		}}})
	}
	if err := s.Builds.RemoveCourse(r.Context(), c.Key); err != nil {
		return err
	}
	s.Audit(r, "DELETE-COURSE", c.Key)
	http.Redirect(w, r, "/gitmanager/", http.StatusSeeOther)
	return nil
}

func buildPath(key string, id int64) string { return fmt.Sprintf("/gitmanager/%s/builds/%d", key, id) }
