import { type ArgInstruction, expandWord } from '@tsbuild/parser'
import { formatPlatform, type Platform } from '@tsbuild/spec'
import type { ParsedDockerfile } from '../parse/protocol.js'
import { Env } from './env.js'

/** Build arguments that need no ARG: proxies reach RUN but neither the cache key nor the image. */
const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY']

/** The environment that proxy build arguments give a RUN: each in both spellings, whichever was passed. */
export function proxyEnv(given: Readonly<Record<string, string>>): [name: string, value: string][] {
  return proxyNames.flatMap((upper): [string, string][] => {
    const lower = upper.toLowerCase()
    const value = given[upper] ?? given[lower]
    return value === undefined || value === ''
      ? []
      : [
          [upper, value],
          [lower, value],
        ]
  })
}

/** Names that always have a meaning to the frontend, so that passing them is never "unused". */
export function isFrontendArg(name: string): boolean {
  return proxyNames.includes(name.toUpperCase()) || name.startsWith('BUILDKIT_') || name === 'SOURCE_DATE_EPOCH'
}

/** The platform arguments of the global scope; a build argument of the same name wins. */
export function platformArgs(
  build: Platform,
  target: Platform,
  targetStage: string | undefined,
  given: Readonly<Record<string, string>>,
): Env {
  const values: [string, string][] = [
    ['BUILDPLATFORM', formatPlatform(build)],
    ['BUILDOS', build.os],
    ['BUILDOSVERSION', build['os.version'] ?? ''],
    ['BUILDARCH', build.architecture],
    ['BUILDVARIANT', build.variant ?? ''],
    ['TARGETPLATFORM', formatPlatform(target)],
    ['TARGETOS', target.os],
    ['TARGETOSVERSION', target['os.version'] ?? ''],
    ['TARGETARCH', target.architecture],
    ['TARGETVARIANT', target.variant ?? ''],
    ['TARGETSTAGE', targetStage || 'default'],
  ]
  return new Env(values.map(([name, value]) => [name, given[name] ?? value]))
}

/** The global scope: platform arguments, then the ARGs in front of the first FROM in their order. */
export function globalScope(dockerfile: ParsedDockerfile, start: Env, given: Readonly<Record<string, string>>): Env {
  return dockerfile.metaArgs.reduce((scope, instruction) => declare(instruction, scope, given, dockerfile), start)
}

function declare(
  instruction: ArgInstruction,
  scope: Env,
  given: Readonly<Record<string, string>>,
  { escape }: ParsedDockerfile,
): Env {
  let out = scope
  for (const { key, value } of instruction.args) {
    const own = given[key]
    if (own !== undefined) out = out.with(key, own)
    else if (value !== undefined) out = out.with(key, expandWord(value, out, { escape }).value)
  }
  return out
}
