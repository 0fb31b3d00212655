import type { ExecOptions } from '@tsbuild/core'
import { parseDetachKeys } from '../containers/detach-keys.js'
import { readEnv } from '../containers/env.js'
import { openExecTerminal } from '../containers/exec-terminal.js'
import { withExitCodes } from '../containers/exit-code.js'
import { collect } from '../containers/flags.js'
import { addEngineFlags, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly detach?: boolean
  readonly detachKeys?: string
  readonly env: readonly string[]
  readonly envFile: readonly string[]
  readonly interactive?: boolean
  readonly privileged?: boolean
  readonly tty?: boolean
  readonly user?: string
  readonly workdir?: string
}

export const exec: CliCommand = {
  summary: 'Run a command in a running container',
  operandsEndOptions: true,
  define(command) {
    command.argument('<CONTAINER>', 'name or id').argument('<COMMAND...>', 'command and its arguments')
    command.option('-d, --detach', 'leave the command running')
    command.option('--detach-keys <keys>', 'keys that end the connection (default: ctrl-p,ctrl-q)')
    command.option('-e, --env <name[=value]>', 'environment variable', collect, [])
    command.option('--env-file <path>', 'file of environment variables', collect, [])
    command.option('-i, --interactive', 'send it standard input')
    command.option('--privileged', 'all capabilities, no system call filter')
    command.option('-t, --tty', 'give the command a terminal')
    command.option('-u, --user <user[:group]>', 'user and group, by name or number')
    command.option('-w, --workdir <path>', 'working directory inside')
    addEngineFlags(command)
    command.addHelpText('after', '\nExample:\n  tsbuild exec -it web sh')
  },
  run: (command, io) =>
    withExitCodes(io, 1, async () => {
      const flags = command.opts<Flags>()
      const [name = '', ...args] = command.args
      const options = execOptions(flags, io.env)
      const entitlements = flags.privileged ? (['security.insecure'] as const) : []
      await using engine = await openEngine(flags, { entitlements })
      const container = await engine.containers.get(name)
      if (flags.detach) {
        await container.execDetached(args, options)
        return {}
      }
      using terminal = openExecTerminal(io, {
        terminal: flags.tty === true,
        stdin: flags.interactive === true,
        detachKeys: parseDetachKeys(flags.detachKeys),
      })
      const { exitCode } = await container.exec(args, { ...options, ...terminal.options, runningOnly: true })
      return { exitCode }
    }),
}

function execOptions({ env, envFile, privileged, user, workdir }: Flags, environment: Parameters<typeof readEnv>[2]) {
  const variables = Object.entries(readEnv(envFile, env, environment)).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined
  })
  const options: Pick<ExecOptions, 'env' | 'cwd' | 'user' | 'privileged'> = {
    env: Object.fromEntries(variables),
    ...(privileged ? { privileged } : {}),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { cwd: workdir }),
  }
  return options
}
