package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"coursewright/internal/build/docker/dockertest"
	"coursewright/internal/course"
	"coursewright/internal/gitrepo/gitrepotest"
)

// Known secrets go in wherever one can, and come out nowhere: not in logs of any
// level, tables, files, histories, metrics, pages and answers, whatever fails.
func TestSecretsStaySecret(t *testing.T) {
	dockertest.Engine(t)
	repos := map[string]*gitrepotest.Repo{}
	order := []string{"good", "live", "strange", "image"}
	var served []*gitrepotest.Repo
	for _, key := range order {
		repos[key] = gitrepotest.New(t)
		served = append(served, repos[key])
	}
	s := newSecretive(t, served...)
	files := s.filesOf(order)
	for i, key := range order {
		repos[key].Commit(files[key], key)
		s.addCourse(key, withUser(s.partners.git, "reader:"+url.QueryEscape(s.partners.password))+fmt.Sprintf("/org/%d.git", i))
	}
	s.addCourse("wrong-password", withUser(s.partners.git, "reader:"+s.plant("wrong git password"))+"/org/0.git")
	s.addCourse("wrong-token", withUser(s.partners.git, s.plant("git token"))+"/org/0.git")
	s.addCourse("broken-git-host", withUser(s.partners.gitInTrouble, "u:"+s.plant("password of a broken host"))+"/org/0.git")
	s.addCourse("ssh", gitrepotest.ServeSSH(t, "").URL(repos["good"]))

	failed, whatever := string(course.StatusFailed), ""
	want := map[string][]string{ // what each course is there for
		"good":           {failed, "the grader http", "status 403 forbidden", "commit_status"},
		"live":           {string(course.StatusSuccess), "a+ at", "status 500 internal server error"},
		"strange":        {failed, "gave no token", "status 403"},
		"image":          {whatever, "private:1", "403"},
		"wrong-password": {failed, "denied access"}, "wrong-token": {failed, "denied access"}, "ssh": {failed, "denied access"},
		"broken-git-host": {whatever, "returned error: 500"},
	}
	for key := range want {
		s.push(key)
	}
	builds := map[string]buildJSON{}
	for key, said := range want {
		builds[key] = s.await(key, said[0], said[1:]...)
	}
	s.publish("live", builds["live"].Version)
	for key, said := range want {
		if said[0] == whatever { // it is tried again
			s.asAdmin(http.MethodPost, fmt.Sprintf("/api/v1/courses/%s/builds/%d/cancel", key, builds[key].ID), "")
			s.api.waitFor(key, func() bool {
				b, _ := s.newest(key)
				return course.Status(b.Status).Final()
			})
		}
	}
	s.refusals()
	s.look(slices.Sorted(maps.Keys(want)), builds)
	must(t, s.worker.stop())
	s.buildOnHosts()
	s.dump()
	s.folders()
	s.histories()
	must(t, s.api.stop())
	s.startsThatFail()
	s.check(t, s.withoutOwn)
	for _, place := range []string{"log", "metrics of the worker", "table builds", "table hook_deliveries"} {
		if s.at(place) == "" {
			t.Errorf("nothing was seen at %s: the test shows nothing", place)
		}
	}
	for _, name := range []string{"A+", "token server", "grader", "grader that works", "git host", "registry", "commit statuses", "collector"} {
		if !s.got[name] {
			t.Errorf("%s was sent no secret: the test shows nothing", name)
		}
	}
}

// prying prints what a build could find secrets in.
const prying = "env; cat /proc/self/environ; cat .git/config; git config --list\n"

// filesOf are the files of each course of the git host.
func (s *secretive) filesOf(keys []string) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, key := range keys {
		files := containerCourse(key, prying)
		at := map[string]string{"live": s.partners.graderThatWorks, "strange": s.partners.stranger}[key]
		if at != "" {
			files["index.yaml"] = strings.Replace(files["index.yaml"], "max_points: 10}", fmt.Sprintf("max_points: 10, configure: {url: %q, files: {}}}", at+"/configure"), 1)
		}
		out[key] = files
	}
	out["live"]["ex1.yaml"] += "model_files: [model.py]\ntemplate_files: [template.py]\n"
	out["live"]["model.py"], out["live"]["template.py"] = "# model\n", "# template\n"
	out["image"]["apps.meta"] += "build_image = " + hostOfAddress(s.partners.registry) + "/private:1\n"
	return out
}

// publish publishes a release as A+ does.
func (s *secretive) publish(key, version string) {
	s.t.Helper()
	if status, text := s.asAdmin(http.MethodGet, "/"+key+"/publish/STORE/"+version, ""); status != http.StatusOK {
		s.t.Fatalf("publish %s: %d %s", key, status, text)
	}
}

// refusals are requests with secrets that are refused.
func (s *secretive) refusals() {
	s.t.Helper()
	s.ask(http.MethodPost, "/gitmanager/good/hook", "{}", map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": s.plant("wrong webhook secret")})
	s.asAdmin(http.MethodPost, "/api/v1/origins/check", `{"git_origin": "https://u:`+s.plant("password that is tried")+`@127.0.0.1:1/x.git"}`)
	s.asAdmin(http.MethodPost, "/api/v1/origins/check", `{"git_origin": "`+withUser(s.partners.gitInTrouble, "u:"+s.plant("password that is tried elsewhere"))+`/x.git"}`)
	s.asAdmin(http.MethodPatch, "/api/v1/courses/good", `{"git_origin": 1, "git_branch": "`+"a..b"+`"}`)
	s.ask(http.MethodPost, "/login", "", map[string]string{"Authorization": "Bearer " + s.admin})
}

// buildOnHosts builds a course with each builder that runs on the host itself.
func (s *secretive) buildOnHosts() {
	s.t.Helper()
	module := filepath.Join(s.dir, "module")
	must(s.t, os.WriteFile(module, []byte("#!/bin/sh\ncat >/dev/null\nsh build.sh\n"+prying+"echo the module is done\n"), 0o700))
	for _, builder := range []string{"local", "exec"} {
		w := s.startWorker(builder, map[string]string{"local": "COURSEWRIGHT_ALLOW_LOCAL_BUILDER=true", "exec": "COURSEWRIGHT_BUILD_MODULE=" + module}[builder])
		s.addCourse(builder, withUser(s.partners.git, "reader:"+url.QueryEscape(s.partners.password))+"/org/1.git")
		s.push(builder)
		s.await(builder, string(course.StatusSuccess), map[string]string{"local": "without isolation", "exec": "the module is done"}[builder], "path=")
		_, log := s.newest(builder)
		s.saw("log of a build by "+builder, log)
		must(s.t, w.stop())
	}
}

// startsThatFail starts the program with wrong settings.
func (s *secretive) startsThatFail() {
	s.t.Helper()
	for _, c := range []struct{ command, wrong string }{
		{"migrate", "TEMPORAL_API_KEY=" + s.plant("wrong API key")},
		{"migrate", "DATABASE_URL=postgres://u:" + s.plant("wrong database password") + "@127.0.0.1:1/x"},
		{"worker", "PRIVATE_KEY=" + s.plant("broken private key")},
		{"migrate", "FRONTEND_URL=ftp://u:" + s.plant("password in a wrong address") + "@a.example"},
		{"migrate", `COMMIT_STATUS={"a.example": {"token": "` + s.plant("token of a host without kind") + `"}}`},
		{"migrate", "TEMPORAL_UI_URL=http://u:" + s.plant("password in an address that is shown") + "@a.example"},
	} {
		e := runProgram(s.t, slices.Concat(s.environ, []string{"COURSEWRIGHT_" + c.wrong}), c.command)
		s.saw("output of a start that fails", e.out+e.errOut)
		if e.status == 0 {
			s.t.Errorf("%s runs with %s", c.command, c.wrong)
		}
	}
}
