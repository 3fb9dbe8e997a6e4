package deploy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// manifest is what the tests look at of a Kubernetes object.
type manifest struct {
	Kind     string
	Metadata struct {
		Name                string
		Labels, Annotations map[string]string
	}
	Spec struct {
		Selector             json.RawMessage
		Template             podTemplate
		VolumeClaimTemplates []struct{ Metadata struct{ Name string } }
		PodSelector          struct{ MatchLabels map[string]string }
		Ports                []struct{ TargetPort string }
		Endpoints            []struct{ Port string }
		AccessModes          []string
	}
}

type podTemplate struct {
	Metadata struct{ Labels map[string]string }
	Spec     struct {
		InitContainers, Containers []podContainer
		SecurityContext            struct{ RunAsNonRoot bool }
		Volumes                    []struct {
			Name   string
			Secret struct{ Items []struct{ Key string } }
		}
	}
}

type podContainer struct {
	Name, Image     string
	Env             []struct{ Name, Value string }
	Ports           []struct{ Name string }
	VolumeMounts    []struct{ Name, MountPath, SubPath string }
	Resources       map[string]any
	LivenessProbe   probe
	ReadinessProbe  probe
	SecurityContext struct {
		ReadOnlyRootFilesystem   bool
		AllowPrivilegeEscalation *bool
	}
}

type probe struct {
	HTTPGet struct{ Path, Port string }
}

// selector gives the labels that an object finds pods by; a Service has them
// directly.
func (m manifest) selector(t *testing.T) map[string]string {
	t.Helper()
	var wrapped struct{ MatchLabels map[string]string }
	var plain map[string]string
	var err error
	switch m.Kind {
	case "NetworkPolicy":
		return m.Spec.PodSelector.MatchLabels
	case "Service":
		err = json.Unmarshal(m.Spec.Selector, &plain)
	default:
		err = json.Unmarshal(m.Spec.Selector, &wrapped)
		plain = wrapped.MatchLabels
	}
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// missing skips the test for want of a program, or fails it when
// COURSEWRIGHT_REQUIRE names that.
func missing(t *testing.T, word, message string) {
	t.Helper()
	if slices.Contains(strings.Fields(os.Getenv("COURSEWRIGHT_REQUIRE")), word) {
		t.Fatal(message)
	}
	t.Skip(message)
}

// deploymentTool is a program that make builds from tools/deployment.
func deploymentTool(t *testing.T, name string) string {
	t.Helper()
	program, err := filepath.Abs(filepath.Join("../bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		missing(t, "helm", "no bin/"+name+": run make helm")
	}
	return program
}

// helm runs Helm.
func helm(t *testing.T, args ...string) (out, errOut string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), deploymentTool(t, "helm"), args...)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

const chart = "helm/coursewright"

// render gives the objects of the chart by kind and name.
func render(t *testing.T, set ...string) map[string]manifest {
	t.Helper()
	args := []string{"template", "cw", chart, "--kube-version", "1.30.0"}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	out, errOut, err := helm(t, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, errOut)
	}
	all := map[string]manifest{}
	for d := yaml.NewDecoder(strings.NewReader(out)); ; {
		var object map[string]any
		err := d.Decode(&object)
		if errors.Is(err, io.EOF) {
			return all
		}
		// By way of JSON, whose fields are found whatever their case.
		text, jsonErr := json.Marshal(object)
		var m manifest
		if err := errors.Join(err, jsonErr, json.Unmarshal(text, &m)); err != nil {
			t.Fatal(err)
		}
		if m.Kind != "" {
			all[m.Kind+" "+m.Metadata.Name] = m
		}
	}
}

func TestChartObjects(t *testing.T) {
	t.Parallel()
	want := []string{
		"Deployment cw-api", "Job cw-migrate", "NetworkPolicy cw-api", "NetworkPolicy cw-worker",
		"PersistentVolumeClaim cw-releases", "PodDisruptionBudget cw-api", "PodDisruptionBudget cw-worker",
		"Service cw-api", "Service cw-worker", "StatefulSet cw-worker",
	}
	if got := slices.Sorted(maps.Keys(render(t))); !slices.Equal(got, want) {
		t.Errorf("by default the chart has %q, want %q", got, want)
	}
	all := render(t, "serviceMonitor.enabled=true", "ingress.enabled=true", "releases.existingClaim=mine", "podDisruptionBudget.enabled=false")
	for name, there := range map[string]bool{
		"ServiceMonitor cw-api": true, "ServiceMonitor cw-worker": true, "Ingress cw": true,
		"PersistentVolumeClaim cw-releases": false, "PodDisruptionBudget cw-api": false,
	} {
		if _, found := all[name]; found != there {
			t.Errorf("%s is there: %t, want %t", name, found, there)
		}
	}
	if out, errOut, err := helm(t, "lint", "--strict", chart); err != nil {
		t.Errorf("%v: %s%s", err, out, errOut)
	}
}

// A cluster takes the objects: their fields are those that it knows, whatever is
// switched on.
func TestChartManifests(t *testing.T) {
	t.Parallel()
	manifests := deploymentTool(t, "manifests")
	check := func(text string) (string, error) {
		cmd := exec.CommandContext(t.Context(), manifests)
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	text, errOut, err := helm(t, "template", "cw", chart, "--kube-version", "1.30.0",
		"--set", "serviceMonitor.enabled=true,ingress.enabled=true,ingress.tlsSecretName=tls,ingress.className=nginx",
		"--set", "image.pullSecrets={one},worker.serviceAccountName=builds,releases.storageClassName=nfs,worker.build.storageClassName=local",
		"--set", "worker.extraVolumes[0].name=more,worker.extraVolumeMounts[0].name=more,worker.extraVolumeMounts[0].mountPath=/more")
	if err != nil {
		t.Fatalf("%v: %s", err, errOut)
	}
	out, err := check(text)
	if err != nil {
		t.Error(out)
	}
	if n := strings.Count(out, "\n"); n < 13 {
		t.Errorf("%d objects were looked at, want all:\n%s", n, out)
	}
	for _, wrong := range []string{"readOnlyRootFilesystem", "claimName", "maxUnavailable", "mountPath: /tmp"} {
		if out, err := check(strings.Replace(text, wrong, "x"+wrong, 1)); err == nil || !strings.Contains(out, "x"+strings.Fields(wrong)[0][:5]) {
			t.Errorf("with a mistake in %s: error %v, said\n%s", wrong, err, out)
		}
	}
}

// Every object that finds pods finds those of its role, and ports have names that
// the pods give.
func TestChartSelectors(t *testing.T) {
	t.Parallel()
	all := render(t, "serviceMonitor.enabled=true")
	pods := map[string]podTemplate{"api": all["Deployment cw-api"].Spec.Template, "worker": all["StatefulSet cw-worker"].Spec.Template}
	seen := 0
	for name, m := range all {
		_, role, _ := strings.Cut(m.Metadata.Name, "cw-")
		pod, found := pods[role]
		if !found {
			continue
		}
		seen++
		target := pod.Metadata.Labels
		if m.Kind == "ServiceMonitor" { // finds the Service
			target = all["Service cw-"+role].Metadata.Labels
		}
		labels := m.selector(t)
		if len(labels) == 0 {
			t.Errorf("%s selects everything", name)
		}
		for k, v := range labels {
			if target[k] != v {
				t.Errorf("%s selects %s=%s, which %q does not match", name, k, v, target)
			}
		}
		var ports []string
		for _, p := range pod.Spec.Containers[0].Ports {
			ports = append(ports, p.Name)
		}
		for _, p := range m.Spec.Ports {
			if !slices.Contains(ports, p.TargetPort) {
				t.Errorf("%s leads to port %q; the pods have %q", name, p.TargetPort, ports)
			}
		}
	}
	if seen != 10 {
		t.Errorf("%d objects of the two roles seen, want 10", seen)
	}
}

// Behind an ingress with TLS the service knows that people use https, unless it is told
// another address.
func TestChartKnowsItsAddress(t *testing.T) {
	t.Parallel()
	const name = "COURSEWRIGHT_PUBLIC_BASE_URL"
	for set, want := range map[string]string{
		"ingress.tlsSecretName=tls":                      "",
		"ingress.enabled=true":                           "",
		"ingress.enabled=true,ingress.tlsSecretName=tls": "https://gitmanager.example.org",
		"ingress.enabled=true,ingress.tlsSecretName=tls,settings.PUBLIC_BASE_URL=https://courses.example.org": "https://courses.example.org",
	} {
		all := render(t, set)
		for _, pod := range []string{"Deployment cw-api", "StatefulSet cw-worker"} {
			got := ""
			for _, e := range all[pod].Spec.Template.Spec.Containers[0].Env {
				if e.Name == name {
					got = e.Value
				}
			}
			if got != want {
				t.Errorf("%s: %s has the address %q, want %q", set, pod, got, want)
			}
		}
	}
}

// The pods of each role are confined, are looked after, know their settings, and
// have their own folders and secrets alone.
func TestChartPods(t *testing.T) {
	t.Parallel()
	all := render(t, "api.settings.USE_X_SENDFILE=false", "settings.USE_X_SENDFILE=true", "settings.HOOK_LIMIT=6000000")
	known := variables()
	for name, want := range map[string]struct{ mounts, secrets []string }{
		"Deployment cw-api":     {[]string{"releases /releases ", "secrets /secrets ", "tmp /tmp "}, []string{"aplus_key", "database_url", "private_key", "public_key", "ssh_key"}},
		"StatefulSet cw-worker": {[]string{"build /build-disk ", "releases /store store", "secrets /secrets ", "ssh /ssh ", "tmp /tmp "}, []string{"database_url", "private_key", "ssh_key"}},
		"Job cw-migrate":        {[]string{"secrets /secrets ", "tmp /tmp "}, []string{"database_url"}},
	} {
		pod := all[name].Spec.Template.Spec
		if !pod.SecurityContext.RunAsNonRoot {
			t.Errorf("%s may run as root", name)
		}
		for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
			if _, tag, _ := strings.Cut(c.Image, ":"); tag == "" || tag == "latest" {
				t.Errorf("%s: image %s has no fixed tag", name, c.Image)
			}
			if up := c.SecurityContext.AllowPrivilegeEscalation; up == nil || *up || !c.SecurityContext.ReadOnlyRootFilesystem {
				t.Errorf("%s: container %s is not confined", name, c.Name)
			}
		}
		main := pod.Containers[0]
		if len(main.Resources) == 0 {
			t.Errorf("%s: no resources", name)
		}
		if !strings.HasPrefix(name, "Job") {
			if l, r := main.LivenessProbe.HTTPGet, main.ReadinessProbe.HTTPGet; l.Path != "/healthz" || r.Path != "/readyz" || l.Port != "admin" || r.Port != "admin" {
				t.Errorf("%s: probes %+v and %+v", name, l, r)
			}
		}
		values := map[string]string{}
		for _, e := range main.Env {
			if _, twice := values[e.Name]; twice || !known[e.Name] {
				t.Errorf("%s: variable %s is unknown or there twice", name, e.Name)
			}
			values[e.Name] = e.Value
		}
		if sendfile := values["COURSEWRIGHT_USE_X_SENDFILE"]; sendfile != "true" && (name != "Deployment cw-api" || sendfile != "false") {
			t.Errorf("%s: USE_X_SENDFILE is %q", name, sendfile)
		}
		if got := values["COURSEWRIGHT_HOOK_LIMIT"]; got != "6000000" {
			t.Errorf("%s: a large number became %q", name, got)
		}
		var mounts, secrets []string
		for _, m := range main.VolumeMounts {
			mounts = append(mounts, m.Name+" "+m.MountPath+" "+m.SubPath)
		}
		for _, v := range pod.Volumes {
			for _, item := range v.Secret.Items {
				secrets = append(secrets, item.Key)
			}
		}
		slices.Sort(mounts)
		slices.Sort(secrets)
		if !slices.Equal(mounts, want.mounts) || !slices.Equal(secrets, want.secrets) {
			t.Errorf("%s has the mounts %q and the secrets %q, want %q and %q", name, mounts, secrets, want.mounts, want.secrets)
		}
	}
	if hook := all["Job cw-migrate"].Metadata.Annotations["helm.sh/hook"]; hook != "pre-install,pre-upgrade" {
		t.Errorf("migrate runs at %q", hook)
	}
	if claims := all["StatefulSet cw-worker"].Spec.VolumeClaimTemplates; len(claims) != 1 || claims[0].Metadata.Name != "build" {
		t.Errorf("workers have the disks %+v, want one of their own", claims)
	}
	if modes := all["PersistentVolumeClaim cw-releases"].Spec.AccessModes; !slices.Equal(modes, []string{"ReadWriteMany"}) {
		t.Errorf("releases are mounted %q", modes)
	}
}

// Values that cannot be meant are refused with their name.
func TestChartSchema(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"image.tag=latest", "api.replica=2", "worker.replicas=0", "settings.frontend_url=x", "releases.size=much"} {
		_, errOut, err := helm(t, "template", "cw", chart, "--kube-version", "1.30.0", "--set", wrong)
		key, _, _ := strings.Cut(wrong, "=")
		parts := strings.Split(key, ".")
		if err == nil || !strings.Contains(errOut, parts[len(parts)-1]) {
			t.Errorf("%s: error %v: %s", wrong, err, errOut)
		}
	}
}
