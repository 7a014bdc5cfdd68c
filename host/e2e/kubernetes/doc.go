// Package kubernetes checks docs/kubernetes.yml against the types of Kubernetes itself. It is a module of its own, so that nothing else carries them.
package kubernetes
