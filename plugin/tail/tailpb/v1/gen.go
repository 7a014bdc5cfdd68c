// Package tailpb is the generated wire form of the plugin contract. Read tail.proto; program against package tail.
package tailpb

//go:generate go build -modfile=../../../internal/tools/go.mod -o ../../../../bin/tools/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
//go:generate go tool -modfile=../../../internal/tools/go.mod buf lint
//go:generate go tool -modfile=../../../internal/tools/go.mod buf generate
