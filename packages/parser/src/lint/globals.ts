import { formatPlatform, type Platform } from '@tsbuild/spec'
import type { Dockerfile } from '../ast.js'
import { expandWord } from '../shell/word.js'

/** The variables that FROM sees, and all names that are declared for it, with a value or not. */
export interface GlobalArgs {
  readonly values: ReadonlyMap<string, string>
  readonly names: ReadonlySet<string>
}

export interface GlobalOptions {
  readonly buildArgs: ReadonlyMap<string, string>
  readonly targetPlatform: Platform
  readonly buildPlatform: Platform
  readonly targetStage: string
}

/** Predefined platform arguments, then the ARGs above the first FROM; build arguments win.
 * @throws {ParseError} `EXPANSION_FAILED` */
export function globalArgs(dockerfile: Dockerfile, options: GlobalOptions): GlobalArgs {
  const values = new Map(predefined(options))
  const names = new Set(values.keys())
  for (const { args } of dockerfile.metaArgs) {
    for (const { key, value } of args) {
      names.add(key)
      const given = options.buildArgs.get(key)
      if (given !== undefined) values.set(key, given)
      else if (value !== undefined) values.set(key, expandWord(value, values, { escape: dockerfile.escape }).value)
    }
  }
  return { values, names }
}

function predefined(options: GlobalOptions): [string, string][] {
  const pairs: [string, string][] = [
    ...platformArgs('BUILD', options.buildPlatform),
    ...platformArgs('TARGET', options.targetPlatform),
    ['TARGETSTAGE', options.targetStage],
  ]
  return pairs.map(([name, value]) => [name, options.buildArgs.get(name) ?? value])
}

function platformArgs(prefix: string, platform: Platform): [string, string][] {
  return [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform['os.version'] ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ]
}
