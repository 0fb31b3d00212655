import type { ContainerSummary } from '@tsbuild/core'
import { formatAge, formatSince } from '../format/age.js'

/** What `ps` says of a container: `Up 3 minutes (healthy)`, `Exited (0) 2 hours ago`, `Created`. */
export function formatStatus(
  { status, startedAt, finishedAt, exitCode, health }: ContainerSummary,
  now: number,
): string {
  if (status === 'created') return 'Created'
  if (status === 'running') {
    const shown = health === undefined ? '' : ` (${health === 'starting' ? 'health: starting' : health})`
    return `Up ${formatAge(Math.max(0, now - (startedAt ?? now)))}${shown}`
  }
  const at = finishedAt === undefined ? undefined : new Date(finishedAt).toISOString()
  return `Exited (${exitCode ?? 0}) ${formatSince(at, now)}`
}

/** `0.0.0.0:8080->80/tcp, 53/udp` */
export function formatPorts({ ports, exposed }: Pick<ContainerSummary, 'ports' | 'exposed'>): string {
  const published = ports.map(({ hostAddress = '0.0.0.0', hostPort, containerPort, protocol }) => {
    const address = hostAddress.includes(':') ? `[${hostAddress}]` : hostAddress
    return `${address}:${hostPort}->${containerPort}/${protocol}`
  })
  return [...published, ...exposed].join(', ')
}
