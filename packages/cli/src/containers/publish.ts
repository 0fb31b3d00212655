import { isIP } from 'node:net'
import type { PublishedPort } from '@tsbuild/core'
import { badFlag } from '../errors.js'

const form = /^(?:(?:\[([^\]]+)\]|([^:[\]]*)):)?(?:(\d*(?:-\d+)?):)?(\d+(?:-\d+)?)$/
const hint = 'e.g. 8080:80, 127.0.0.1:8080:80, 53:53/udp or 8000-8010:8000-8010'

/** What `-p [[address:]host:]container[/protocol]` says; ranges of equal length give a port each, and a range of the host for one port
 * takes the first that is free. @throws {CliError} `ARGUMENT_INVALID` */
export function readPublish(text: string): PublishedPort[] {
  const [spec = '', protocol = 'tcp', ...more] = text.toLowerCase().split('/')
  if ((protocol !== 'tcp' && protocol !== 'udp') || more.length > 0)
    throw badFlag('--publish', text, `the protocol is not tcp or udp`, hint)
  const parts = splitAddress(spec)
  if (parts === undefined) throw badFlag('--publish', text, 'not [[address:]host:]container[/protocol]', hint)
  const { address, host, container } = parts
  if (address !== undefined && isIP(address) === 0) throw badFlag('--publish', text, `"${address}" is no address`, hint)
  const inner = range(container, text)
  const outer = host === '' ? undefined : range(host, text)
  const same = { protocol, ...(address === undefined ? {} : { hostAddress: address }) } as const
  const count = inner.last - inner.first + 1
  if (inner.first === 0) throw badFlag('--publish', text, 'the port of a container is above 0', hint)
  if (outer === undefined)
    return Array.from({ length: count }, (_, n) => ({ ...same, containerPort: inner.first + n, hostPort: 0 }))
  if (count === 1) {
    const end = outer.last === outer.first ? {} : { hostPortEnd: outer.last }
    return [{ ...same, containerPort: inner.first, hostPort: outer.first, ...end }]
  }
  if (outer.last - outer.first + 1 !== count) throw badFlag('--publish', text, 'the ranges differ in length', hint)
  return Array.from({ length: count }, (_, n) => ({
    ...same,
    containerPort: inner.first + n,
    hostPort: outer.first + n,
  }))
}

/** `host` is empty where any port will do. */
function splitAddress(spec: string): { address?: string; host: string; container: string } | undefined {
  const [, bracketed, plain, host, container = ''] = form.exec(spec) ?? []
  if (container === '') return undefined
  const given = bracketed ?? plain
  // One part before the container's port is the host's, unless it is an address and an empty port follows.
  if (host === undefined && bracketed === undefined) {
    if (plain !== undefined && !/^(\d+(-\d+)?)?$/.test(plain)) return undefined
    return { host: plain ?? '', container }
  }
  if (host === undefined) return undefined
  return { ...(given === undefined || given === '' ? {} : { address: given }), host, container }
}

function range(text: string, whole: string): { readonly first: number; readonly last: number } {
  const [first = 0, last = first] = text.split('-').map(Number)
  if (last < first || last > 65535)
    throw badFlag('--publish', whole, `"${text}" is no range of ports up to 65535`, hint)
  return { first, last }
}
