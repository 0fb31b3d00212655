import type { Registries } from '@tsbuild/core'
import { hasCode } from '@tsbuild/spec'
import { CliError } from '../errors.js'
import type { CommandResult, Io } from '../io.js'
import { ask } from '../prompt.js'
import { readStdin } from '../read-dockerfile.js'
import type { CliCommand } from './command.js'

interface Flags {
  readonly username?: string
  readonly password?: string
  readonly passwordStdin?: boolean
}

interface Account {
  readonly username: string
  readonly password: string
}

export const login: CliCommand = {
  summary: 'Log in to a registry',
  define(command) {
    command.argument('[SERVER]', 'host of the registry (default: Docker Hub)')
    command.option('-u, --username <name>', 'user')
    command.option(
      '-p, --password <password>',
      'password or token; others on this machine can see it: use --password-stdin',
    )
    command.option('--password-stdin', 'read the password from standard input')
    command.addHelpText(
      'after',
      '\nExample:\n  tsbuild login -u me --password-stdin registry.example:5000 < password.txt',
    )
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const [server = ''] = command.args
    check(flags)
    if (flags.password !== undefined)
      io.stderr.write('WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n')
    const { openRegistries } = await import('@tsbuild/core')
    const registries = openRegistries()
    const account = await given(flags, io)
    if (account !== undefined) return keep(registries, server, account, io)
    const user = flags.username === undefined ? await registries.user(server) : undefined
    if (user !== undefined && (await stillKnown(registries, server, io))) return succeeded
    return keep(registries, server, await askAccount(flags, user, server, io), io)
  },
}

const succeeded: CommandResult = { stdout: 'Login Succeeded\n' }

function check({ username, password, passwordStdin }: Flags): void {
  if (passwordStdin && password !== undefined)
    throw new CliError('USAGE', 'Cannot log in: --password and --password-stdin are mutually exclusive')
  if (passwordStdin && username === undefined)
    throw new CliError('USAGE', 'Cannot log in: --password-stdin needs --username')
  if (username === '') throw new CliError('USAGE', 'Cannot log in: the user name is empty')
}

/** What the flags say, when they say all. */
async function given({ username, password, passwordStdin }: Flags, io: Io): Promise<Account | undefined> {
  if (username === undefined) return undefined
  const secret = passwordStdin ? (await readStdin(io)).replace(/\r?\n$/, '') : password
  if (secret === '') throw new CliError('USAGE', 'Cannot log in: the password is empty')
  return secret === undefined ? undefined : { username, password: secret }
}

async function stillKnown(registries: Registries, server: string, io: Io): Promise<boolean> {
  io.stderr.write('Authenticating with existing credentials...\n')
  try {
    await registries.check(server, { signal: io.signal })
    return true
  } catch (error) {
    if (!hasCode(error, 'REGISTRY_UNAUTHORIZED') || !io.stdin.isTTY) throw error
    io.stderr.write('Login did not succeed, please log in again\n')
    return false
  }
}

async function askAccount(flags: Flags, known: string | undefined, server: string, io: Io): Promise<Account> {
  if (!io.stdin.isTTY) {
    throw new CliError('USAGE', 'Cannot log in: standard input is no terminal to ask for a user and password', {
      hint: 'Pass --username and --password-stdin',
    })
  }
  io.stderr.write(`Log in to ${server === '' ? 'Docker Hub' : server}\n`)
  const shown = known ? `Username (${known}): ` : 'Username: '
  const username = flags.username ?? ((await ask(shown, io, { hidden: false })) || known || '')
  if (username === '') throw new CliError('USAGE', 'Cannot log in: the user name is empty')
  const password = flags.password ?? (await ask('Password: ', io, { hidden: true }))
  if (password === '') throw new CliError('USAGE', 'Cannot log in: the password is empty')
  return { username, password }
}

async function keep(registries: Registries, server: string, account: Account, io: Io): Promise<CommandResult> {
  const { storedIn, plainText } = await registries.login(server, { ...account, signal: io.signal })
  const warning = `WARNING! Your password is stored unencrypted in ${storedIn}.\nConfigure a credential helper ("credsStore") to keep it safer.\n`
  return { ...succeeded, stderr: plainText ? warning : '' }
}
