// opamp-go speaks OpAMP as the Go implementation does, for tests of Warren against it.
//
//	opamp-go client ENDPOINT TOKEN   a collector: prints what it is given, says that it runs it, and goes on with the credential it gets
//	opamp-go server ADDRESS FILE     a server: gives the file to whoever comes, prints what it is told
//
// Every line of output is one JSON object.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/open-telemetry/opamp-go/client"
	ctypes "github.com/open-telemetry/opamp-go/client/types"
	"github.com/open-telemetry/opamp-go/protobufs"
	"github.com/open-telemetry/opamp-go/server"
	stypes "github.com/open-telemetry/opamp-go/server/types"
)

type quiet struct{}

func (quiet) Debugf(context.Context, string, ...any) {}
func (quiet) Errorf(_ context.Context, format string, v ...any) {
	tell(map[string]any{"error": fmt.Sprintf(format, v...)})
}

func tell(what map[string]any) {
	line, _ := json.Marshal(what)
	fmt.Println(string(line))
}

func text(key, value string) *protobufs.KeyValue {
	return &protobufs.KeyValue{Key: key, Value: &protobufs.AnyValue{Value: &protobufs.AnyValue_StringValue{StringValue: value}}}
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: opamp-go client ENDPOINT TOKEN | server ADDRESS FILE")
		os.Exit(2)
	}
	switch os.Args[1] {
	case "client":
		runClient(os.Args[2], os.Args[3])
	case "server":
		runServer(os.Args[2], os.Args[3])
	}
	select {}
}

func start(endpoint, authorization string, uid ctypes.InstanceUid) {
	var agent client.OpAMPClient
	if strings.HasPrefix(endpoint, "http") {
		agent = client.NewHTTP(quiet{})
	} else {
		agent = client.NewWebSocket(quiet{})
	}
	hash := []byte{}
	must(agent.SetAgentDescription(&protobufs.AgentDescription{
		IdentifyingAttributes: []*protobufs.KeyValue{text("service.name", "opamp-go")},
	}))
	must(agent.SetHealth(&protobufs.ComponentHealth{Healthy: true, Status: "StatusOK"}))
	capabilities := protobufs.AgentCapabilities_AgentCapabilities_ReportsStatus |
		protobufs.AgentCapabilities_AgentCapabilities_AcceptsRemoteConfig |
		protobufs.AgentCapabilities_AgentCapabilities_ReportsRemoteConfig |
		protobufs.AgentCapabilities_AgentCapabilities_ReportsEffectiveConfig |
		protobufs.AgentCapabilities_AgentCapabilities_ReportsHealth |
		protobufs.AgentCapabilities_AgentCapabilities_ReportsHeartbeat |
		protobufs.AgentCapabilities_AgentCapabilities_AcceptsOpAMPConnectionSettings
	must(agent.SetCapabilities(&capabilities))
	running := ""
	callbacks := ctypes.Callbacks{
		OnConnect:       func(context.Context) { tell(map[string]any{"connected": true}) },
		OnConnectFailed: func(_ context.Context, err error) { tell(map[string]any{"failed": err.Error()}) },
		OnError:         func(_ context.Context, err *protobufs.ServerErrorResponse) { tell(map[string]any{"refused": err.ErrorMessage}) },
		GetEffectiveConfig: func(context.Context) (*protobufs.EffectiveConfig, error) {
			file := &protobufs.AgentConfigFile{Body: []byte(running), ContentType: "application/json"}
			return &protobufs.EffectiveConfig{ConfigMap: &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{"": file}}}, nil
		},
		OnMessage: func(ctx context.Context, message *ctypes.MessageData) {
			if config := message.RemoteConfig; config != nil {
				hash = config.ConfigHash
				for _, file := range config.Config.ConfigMap {
					running = string(file.Body)
				}
				tell(map[string]any{"config": running, "hash": hex.EncodeToString(hash)})
				status := protobufs.RemoteConfigStatuses_RemoteConfigStatuses_APPLIED
				_ = agent.SetRemoteConfigStatus(&protobufs.RemoteConfigStatus{LastRemoteConfigHash: hash, Status: status})
				_ = agent.UpdateEffectiveConfig(ctx)
			}
		},
		OnOpampConnectionSettings: func(_ context.Context, settings *protobufs.OpAMPConnectionSettings) error {
			for _, header := range settings.Headers.GetHeaders() {
				if strings.EqualFold(header.Key, "Authorization") {
					tell(map[string]any{"credential": true})
					go func() {
						_ = agent.Stop(context.Background())
						start(endpoint, header.Value, uid)
					}()
				}
			}
			return nil
		},
	}
	interval := time.Second
	must(agent.Start(context.Background(), ctypes.StartSettings{
		OpAMPServerURL:    endpoint,
		Header:            http.Header{"Authorization": []string{authorization}},
		InstanceUid:       uid,
		Callbacks:         callbacks,
		HeartbeatInterval: &interval,
	}))
}

func runClient(endpoint, token string) {
	start(endpoint, "Bearer "+token, ctypes.InstanceUid{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, byte(os.Getpid())})
}

func runServer(address, path string) {
	body, err := os.ReadFile(path)
	must(err)
	sum := sha256.Sum256(body)
	config := &protobufs.AgentRemoteConfig{
		Config: &protobufs.AgentConfigMap{ConfigMap: map[string]*protobufs.AgentConfigFile{
			"": {Body: body, ContentType: "application/json"},
		}},
		ConfigHash: sum[:],
	}
	onMessage := func(_ context.Context, _ stypes.Connection, message *protobufs.AgentToServer) *protobufs.ServerToAgent {
		told := map[string]any{"sequence": message.SequenceNum, "capabilities": message.Capabilities}
		if message.AgentDescription != nil {
			told["description"] = message.AgentDescription.String()
		}
		if message.Health != nil {
			told["healthy"] = message.Health.Healthy
		}
		if message.EffectiveConfig != nil {
			told["effective"] = string(message.EffectiveConfig.ConfigMap.ConfigMap[""].GetBody())
		}
		if status := message.RemoteConfigStatus; status != nil {
			told["status"] = status.Status.String()
			told["error"] = status.ErrorMessage
			told["current"] = string(status.LastRemoteConfigHash) == string(sum[:])
		}
		if message.AgentDisconnect != nil {
			told["goodbye"] = true
		}
		tell(told)
		return &protobufs.ServerToAgent{
			InstanceUid:  message.InstanceUid,
			Capabilities: uint64(protobufs.ServerCapabilities_ServerCapabilities_AcceptsStatus | protobufs.ServerCapabilities_ServerCapabilities_OffersRemoteConfig),
			RemoteConfig: config,
		}
	}
	settings := server.StartSettings{
		ListenEndpoint: address,
		Settings: server.Settings{Callbacks: stypes.Callbacks{
			OnConnecting: func(*http.Request) stypes.ConnectionResponse {
				return stypes.ConnectionResponse{Accept: true, ConnectionCallbacks: stypes.ConnectionCallbacks{OnMessage: onMessage}}
			},
		}},
	}
	must(server.New(quiet{}).Start(settings))
	tell(map[string]any{"serving": address})
}

func must(err error) {
	if err != nil {
		tell(map[string]any{"fatal": err.Error()})
		os.Exit(1)
	}
}
