package temporaltest

// configuration is the server's, for text/template: four services in one
// process, two databases of one PostgreSQL server.
const configuration = `
log: {stdout: true, level: warn}
persistence:
  defaultStore: default
  visibilityStore: visibility
  numHistoryShards: 4
  datastores:
    default:
      sql: &database
        pluginName: postgres12_pgx
        databaseName: temporal
        connectAddr: "localhost:5432"
        connectProtocol: tcp
        connectAttributes: {host: "{{.Socket}}"}
        user: "{{.User}}"
        password: none
        maxConns: 20
        maxIdleConns: 20
        maxConnLifetime: 1h
    visibility:
      sql:
        <<: *database
        databaseName: temporal_visibility
global:
  membership: {maxJoinDuration: 30s, broadcastAddress: 127.0.0.1}
services:
  frontend: {rpc: {grpcPort: {{index .Ports 0}}, membershipPort: {{index .Ports 4}}, bindOnLocalHost: true}}
  matching: {rpc: {grpcPort: {{index .Ports 1}}, membershipPort: {{index .Ports 5}}, bindOnLocalHost: true}}
  history: {rpc: {grpcPort: {{index .Ports 2}}, membershipPort: {{index .Ports 6}}, bindOnLocalHost: true}}
  worker: {rpc: {grpcPort: {{index .Ports 3}}, membershipPort: {{index .Ports 7}}, bindOnLocalHost: true}}
clusterMetadata:
  enableGlobalNamespace: false
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation:
    active: {enabled: true, initialFailoverVersion: 1, rpcName: frontend, rpcAddress: "127.0.0.1:{{.Frontend}}"}
dcRedirectionPolicy: {policy: noop}
dynamicConfigClient: {filepath: "{{.Dynamic}}", pollInterval: 60s}
`

// dynamic is the server's dynamic configuration: what the operations guide
// tells administrators to set.
const dynamic = `
history.transferProcessorMaxPollRPS: [{value: 1000}]
history.timerProcessorMaxPollRPS: [{value: 1000}]
history.visibilityProcessorMaxPollRPS: [{value: 1000}]
system.enableActivityEagerExecution: [{value: true}]
system.enableEagerWorkflowStart: [{value: true}]
`
