package kubernetes

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// objects are those of a manifest, decoded strictly: a field that does not exist, or comes twice, is an error.
func objects(text []byte) (all []runtime.Object, err error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), appsv1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	decoder := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
	docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		object, _, err := decoder.Decode(doc, nil, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, object)
	}
}

func manifest(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../../../docs/kubernetes.yml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestManifest_IsWhatKubernetesKnows(t *testing.T) {
	all, err := objects(manifest(t))
	if err != nil {
		t.Fatal(err)
	}
	var set *appsv1.DaemonSet
	var space *corev1.Namespace
	for _, o := range all {
		switch o := o.(type) {
		case *appsv1.DaemonSet:
			set = o
		case *corev1.Namespace:
			space = o
		}
	}
	if len(all) != 2 || set == nil || space == nil || set.Namespace != space.Name {
		t.Fatalf("%d objects: %T", len(all), all)
	}
	selector, err := metav1.LabelSelectorAsSelector(set.Spec.Selector)
	if err != nil || selector.Empty() || !selector.Matches(labels.Set(set.Spec.Template.Labels)) {
		t.Errorf("its pods are not those that it selects: %v", err)
	}
	pod := set.Spec.Template.Spec
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken || pod.HostNetwork || pod.HostPID || pod.HostIPC {
		t.Error("the pod is given more than it needs")
	}
	var volumes []string
	for _, v := range pod.Volumes {
		volumes = append(volumes, v.Name)
	}
	for _, c := range pod.Containers {
		check(t, c, volumes)
	}
}

func check(t *testing.T, c corev1.Container, volumes []string) {
	t.Helper()
	var ports []string
	for _, p := range c.Ports {
		ports = append(ports, p.Name)
	}
	for name, probe := range map[string]*corev1.Probe{"liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
		if probe == nil || probe.HTTPGet == nil || !slices.Contains(ports, probe.HTTPGet.Port.StrVal) {
			t.Errorf("the %s probe asks no port that there is", name)
		}
	}
	for _, m := range c.VolumeMounts {
		if !slices.Contains(volumes, m.Name) {
			t.Errorf("there is no volume %s", m.Name)
		}
		if strings.HasPrefix(m.MountPath, "/var/log") && !m.ReadOnly {
			t.Errorf("%s can be written to", m.MountPath)
		}
	}
	var env []string
	for _, e := range c.Env {
		env = append(env, e.Name)
	}
	for _, a := range c.Args {
		if _, rest, ok := strings.Cut(a, "$("); ok {
			if name, _, _ := strings.Cut(rest, ")"); !slices.Contains(env, name) {
				t.Errorf("%s names a variable that is not set", a)
			}
		}
	}
	s := c.SecurityContext
	if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
		s.Capabilities == nil || !slices.Contains(s.Capabilities.Drop, "ALL") || len(s.Capabilities.Add) > 0 || s.SeccompProfile == nil {
		t.Error("the container may do more than it needs")
	}
	if c.Resources.Limits.Memory().IsZero() {
		t.Error("its memory has no limit")
	}
}

// A mistake in the manifest is found.
func TestObjects_FieldThatDoesNotExist_IsAnError(t *testing.T) {
	text := manifest(t)
	for right, wrong := range map[string]string{
		"readOnlyRootFilesystem:": "readOnlyRootFileSystem:", "hostPath: {": "hostpath: {", "kind: DaemonSet": "kind: Daemonset",
		"runAsUser: 0": "runAsUser: root", "containerPort: 8766": "containerPort: many", "terminationGracePeriodSeconds: 20": "terminationGracePeriodSeconds: 20s",
	} {
		broken := bytes.Replace(text, []byte(right), []byte(wrong), 1)
		if bytes.Equal(broken, text) {
			t.Errorf("%s does not stand in it", right)
		}
		if _, err := objects(broken); err == nil {
			t.Errorf("%s was accepted", wrong)
		}
	}
}
