import { build } from './build.js'
import { check } from './check.js'
import type { CliEntry } from './command.js'
import { history } from './history.js'
import { images } from './images.js'
import { info } from './info.js'
import { inspect } from './inspect.js'
import { parse } from './parse.js'
import { tag } from './tag.js'
import { versionCommand } from './version.js'

/** Every verb. They are small; what they use (core, parser) is loaded when they run. */
export const commands: Readonly<Record<string, CliEntry>> = {
  build,
  check,
  history,
  images,
  info,
  inspect,
  parse,
  tag,
  version: versionCommand,
}
