import { isIP } from 'node:net'
import type { ContainerOptions } from '@tsbuild/core'
import { readLimits } from '../build/limits.js'
import { extraHost } from '../build/options.js'
import { badFlag } from '../errors.js'
import { parseBytes } from '../format/size.js'
import type { Io } from '../io.js'
import { durationFlag } from './duration.js'
import { fileLines, readEnv } from './env.js'
import type { ContainerFlags } from './flags.js'
import { readMount, readTmpfs, readVolume } from './mounts.js'
import { readPublish } from './publish.js'
import { readSandbox } from './sandbox.js'

const nsPerMs = 1_000_000

/** What the flags of `run` and `create` say. @throws {CliError} `ARGUMENT_INVALID` */
export function containerOptions(flags: ContainerFlags, args: readonly string[], env: Io['env']): ContainerOptions {
  const [image = '', ...command] = args
  const { entrypoint, healthcheck: _, init, interactive, name, platform, privileged, rm, stopSignal, tty } = flags
  return {
    image,
    commandRequired: true,
    ...(command.length === 0 ? {} : { command }),
    ...(entrypoint === undefined ? {} : { entrypoint: entrypoint === '' ? [] : [entrypoint] }),
    ...given('name', name),
    ...given('platform', platform),
    ...given('hostname', flags.hostname),
    ...given('user', flags.user),
    ...given('cwd', flags.workdir),
    ...given('stopSignal', stopSignal),
    env: readEnv(flags.envFile, flags.env, env),
    labels: readLabels(flags),
    terminal: tty === true,
    stdin: interactive === true,
    init: init === true,
    autoRemove: rm === true,
    privileged: privileged === true,
    expose: flags.expose,
    publish: flags.publish.flatMap(readPublish),
    publishAll: flags.publishAll === true,
    dns: flags.dns.map(readServer),
    extraHosts: flags.addHost.map(extraHost),
    mounts: [...flags.volume.map(readVolume), ...flags.mount.map(readMount), ...flags.tmpfs.map(readTmpfs)],
    limits: readLimits(flags.ulimit),
    sandbox: readSandbox(flags),
    pull: flags.pull,
    ...readNetwork(flags.network),
    ...readCgroup(flags),
    ...readHealth(flags),
    ...readLog(flags.logOpt),
    ...(flags.shmSize === undefined ? {} : { shmSizeBytes: bytesFlag('--shm-size', flags.shmSize) }),
    ...(flags.stopTimeout === undefined
      ? {}
      : { stopTimeoutSeconds: secondsFlag('--stop-timeout', flags.stopTimeout) }),
  }
}

function given<Key extends string, Value>(key: Key, value: Value | undefined): { readonly [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: Value }
}

/** Seconds; -1 waits for ever. @throws {CliError} `ARGUMENT_INVALID` */
export function secondsFlag(flag: string, text: string): number {
  if (/^(-1|\d{1,9})$/.test(text)) return Number(text)
  throw badFlag(flag, text, 'not a number of seconds')
}

function bytesFlag(flag: string, text: string): number {
  const bytes = parseBytes(text)
  if (bytes === undefined || bytes === 0) throw badFlag(flag, text, 'not a size', 'e.g. 64m or 1g')
  return bytes
}

function readLabels({ label, labelFile }: ContainerFlags): Record<string, string> {
  const lines = labelFile.flatMap((path) => fileLines('--label-file', path))
  return Object.fromEntries([...lines, ...label].map(readLabel))
}

function readLabel(text: string): [string, string] {
  const [name = ''] = text.split('=', 1)
  if (name === '') throw badFlag('--label', text, 'it has no name')
  return [name, text.slice(name.length + 1)]
}

function readNetwork(text: string | undefined): Pick<ContainerOptions, 'network'> {
  if (text === undefined || text === 'default') return {}
  if (text === 'host' || text === 'none' || text === 'bridge') return { network: text }
  if (/^container:./.test(text)) return { network: text as `container:${string}` }
  throw badFlag('--network', text, 'not bridge, host, none or container:NAME')
}

function readServer(text: string): string {
  if (isIP(text) !== 0) return text
  throw badFlag('--dns', text, 'not an address', 'e.g. 9.9.9.9')
}

function readCgroup({ cpus, memory, pidsLimit }: ContainerFlags): Pick<ContainerOptions, 'cgroup'> {
  const pids = pidsLimit === undefined ? undefined : numberFlag('--pids-limit', pidsLimit, /^-?\d+$/)
  const share = cpus === undefined ? undefined : numberFlag('--cpus', cpus, /^\d*\.?\d+$/)
  const cgroup = {
    ...(memory === undefined ? {} : { memoryBytes: bytesFlag('--memory', memory) }),
    ...(pids === undefined || pids <= 0 ? {} : { pids }),
    ...(share === undefined || share === 0 ? {} : { cpus: share }),
  }
  return Object.keys(cgroup).length === 0 ? {} : { cgroup }
}

function numberFlag(flag: string, text: string, pattern: RegExp): number {
  if (pattern.test(text)) return Number(text)
  throw badFlag(flag, text, 'not a number')
}

function readHealth(flags: ContainerFlags): Pick<ContainerOptions, 'healthcheck'> {
  const { healthCmd, healthInterval, healthRetries, healthStartInterval, healthStartPeriod, healthTimeout } = flags
  const duration = (flag: string, key: string, text: string | undefined) =>
    text === undefined ? {} : { [key]: Math.round(durationFlag(flag, text) * nsPerMs) }
  const check = {
    ...(healthCmd === undefined ? {} : { Test: ['CMD-SHELL', healthCmd] }),
    ...duration('--health-interval', 'Interval', healthInterval),
    ...duration('--health-timeout', 'Timeout', healthTimeout),
    ...duration('--health-start-period', 'StartPeriod', healthStartPeriod),
    ...duration('--health-start-interval', 'StartInterval', healthStartInterval),
    ...(healthRetries === undefined ? {} : { Retries: numberFlag('--health-retries', healthRetries, /^\d+$/) }),
  }
  const asked = Object.keys(check).length > 0
  if (flags.healthcheck) return asked ? { healthcheck: check } : {}
  if (asked) throw badFlag('--no-healthcheck', 'true', 'flags of a health check are there, too')
  return { healthcheck: 'none' }
}

function readLog(texts: readonly string[]): Pick<ContainerOptions, 'log'> {
  let log: NonNullable<ContainerOptions['log']> = {}
  for (const text of texts) {
    const [, key, value = ''] = /^([a-z-]+)=(.*)$/.exec(text) ?? []
    if (key === 'max-size') log = { ...log, maxSizeBytes: bytesFlag('--log-opt', value) }
    else if (key === 'max-file') log = { ...log, maxFiles: numberFlag('--log-opt', value, /^[1-9]\d{0,2}$/) }
    else throw badFlag('--log-opt', text, 'there is no such option', 'max-size=20m or max-file=2')
  }
  return texts.length === 0 ? {} : { log }
}
