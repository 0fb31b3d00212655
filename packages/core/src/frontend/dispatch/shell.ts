import type { CommandLine } from '@tsbuild/parser'
import type { ConfigState } from '../stage-state.js'

/** The argument list of RUN, CMD or ENTRYPOINT: shell form gets the image's SHELL in front. */
export function shellArgs(state: ConfigState, command: CommandLine): string[] {
  return command.form === 'exec' ? [...command.args] : [...(state.config.Shell ?? ['/bin/sh', '-c']), command.text]
}
