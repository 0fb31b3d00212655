import type { MonitorConfig } from './containers/monitor/protocol.js'
import { runMonitor } from './containers/monitor/run-monitor.js'

/** Entry of a container's monitor, a process of its own: its configuration is the first argument, as JSON. */
process.on('SIGHUP', () => {})
process.on('SIGINT', () => {})
runMonitor(JSON.parse(process.argv[2] ?? '{}') as MonitorConfig).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
