import type { BuildOptions, Entitlement } from '@tsbuild/core'
import { badFlag, CliError } from '../errors.js'
import { parseBytes } from '../format/size.js'
import type { Io } from '../io.js'
import { readSecurityOptions } from '../security-options.js'
import { readAnnotations } from './annotations.js'
import { readCaches } from './caches.js'
import type { BuildFlags } from './flags.js'
import { readLimits } from './limits.js'
import { readSecrets } from './secrets.js'
import { readSsh } from './ssh.js'

/** What the flags say of the build itself; outputs and the Dockerfile's text are added by others.
 * @throws {CliError} `ARGUMENT_INVALID`, `USAGE` */
export function buildOptions(flags: BuildFlags, args: readonly string[], env: Io['env']): BuildOptions {
  const { target } = flags
  const platform = flags.platform.flatMap((text) => text.split(','))
  const shmSizeBytes = flags.shmSize === undefined ? undefined : shmSize(flags.shmSize)
  const sourceDateEpoch = epoch(env.SOURCE_DATE_EPOCH)
  const network = networkOf(flags.network)
  return {
    context: contextOf(args),
    buildArgs: buildArgs(flags.buildArg, env),
    buildContexts: Object.fromEntries(flags.buildContext.map(buildContext)),
    secrets: readSecrets(flags.secret, env),
    ssh: readSsh(flags.ssh, env, contextOf(args)),
    allow: flags.allow.flatMap((text) => text.split(',')).map(entitlement),
    limits: readLimits(flags.ulimit),
    labels: Object.fromEntries(flags.label.map((text) => pair('--label', text))),
    annotations: readAnnotations(flags.annotation),
    tags: flags.tag,
    noCache: flags.cache ? flags.cacheFilter.flatMap((stages) => stages.split(',')) : true,
    ...readCaches(flags, env),
    pull: flags.pull === true,
    extraHosts: flags.addHost.map(extraHost),
    ...(flags.file === undefined || flags.file === '-' ? {} : { dockerfile: flags.file }),
    ...(target === undefined ? {} : { target }),
    ...(flags.securityOpt.length === 0 ? {} : { sandbox: readSecurityOptions(flags.securityOpt) }),
    ...(platform.length === 0 ? {} : { platform }),
    ...(network === undefined ? {} : { network }),
    ...(shmSizeBytes === undefined ? {} : { shmSizeBytes }),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
  }
}

function contextOf(args: readonly string[]): string {
  const [context] = args
  if (context === undefined) {
    const hint = 'For the working directory: tsbuild build .'
    throw new CliError('USAGE', 'Cannot build: no context directory was given', { hint })
  }
  return context
}

/** `NAME` alone takes its value from the environment, and is left out where that has none. */
export function buildArgs(texts: readonly string[], env: Io['env']): Record<string, string> {
  const out: Record<string, string> = {}
  for (const text of texts) {
    const equals = text.indexOf('=')
    const name = equals < 0 ? text : text.slice(0, equals)
    if (name === '') throw badFlag('--build-arg', text, 'it has no name')
    const value = equals < 0 ? env[name] : text.slice(equals + 1)
    if (value !== undefined) out[name] = value
  }
  return out
}

function pair(flag: string, text: string): [string, string] {
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  if (name === '') throw badFlag(flag, text, 'it has no name')
  return [name, equals < 0 ? '' : text.slice(equals + 1)]
}

function buildContext(text: string): [string, string] {
  const [name, value] = pair('--build-context', text)
  if (value === '')
    throw badFlag('--build-context', text, 'it has no value', 'e.g. base=docker-image://debian or src=../lib')
  return [name, value]
}

function entitlement(text: string): Entitlement {
  if (text === 'security.insecure' || text === 'network.host') return text
  throw badFlag('--allow', text, 'there is no such entitlement', 'security.insecure or network.host')
}

/** `name:address` or `name=address`; an IPv6 address may stand in brackets, and `host-gateway` is the machine. */
export function extraHost(text: string): readonly [string, string] {
  const match = /^([^:=\s]+)[:=]\[?([0-9A-Fa-f.:]+|host-gateway)\]?$/.exec(text)
  if (match?.[1] !== undefined && match[2] !== undefined) return [match[1], match[2]]
  throw badFlag('--add-host', text, 'not name:address', 'The address is an IPv4 or IPv6 one, e.g. db:10.0.0.2')
}

function networkOf(text: string | undefined): BuildOptions['network'] {
  if (text === undefined || text === 'default') return undefined
  if (text === 'host' || text === 'none' || text === 'bridge') return text
  throw badFlag('--network', text, 'not default, bridge, host or none')
}

function shmSize(text: string): number {
  const bytes = parseBytes(text)
  if (bytes === undefined || bytes === 0) throw badFlag('--shm-size', text, 'not a size', 'e.g. 64m or 1g')
  return bytes
}

function epoch(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  if (/^\d+$/.test(text)) return Number(text)
  throw new CliError('ARGUMENT_INVALID', `Cannot parse SOURCE_DATE_EPOCH "${text}": not seconds since 1970`)
}
