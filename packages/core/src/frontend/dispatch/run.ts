import { posix } from 'node:path'
import { processHeredoc, type RunInstruction, type RunMount } from '@tsbuild/parser'
import type { Vertex } from '@tsbuild/solver'
import type { SecurityMode } from '@tsbuild/spec'
import type { BuildSandbox } from '../../api.js'
import { checkRunnable } from '../../emulation/check-runnable.js'
import { CoreError } from '../../errors.js'
import type { ExecMount } from '../../ops/exec-mounts.js'
import type { LayerChain } from '../../ops/layers.js'
import { proxyEnv } from '../arguments.js'
import { defaultPath, type StageState, withHistory } from '../stage-state.js'
import type { StageContext } from './context.js'
import { shellArgs } from './shell.js'

/** RUN: a step whose root is the stage so far. */
export async function run(state: StageState, instruction: RunInstruction, context: StageContext): Promise<StageState> {
  const script = commandOf(instruction)
  const args = shellArgs(state, script.command)
  await checkRunnable(state.platform, context.emulators)
  const [device] = instruction.devices
  if (device !== undefined) {
    throw new CoreError('UNSUPPORTED', `Cannot use device "${device.name}": CDI devices are not supported yet`)
  }
  if (instruction.security === 'insecure' && !context.allow.includes('security.insecure')) {
    throw new CoreError(
      'ENTITLEMENT_MISSING',
      'Cannot run with --security=insecure: the entitlement security.insecure is not granted',
      { hint: 'Where you trust the Dockerfile, grant it with --allow security.insecure' },
    )
  }
  const inputs: Vertex<LayerChain>[] = [state.vertex]
  const mounts: ExecMount[] = []
  if (script.file !== undefined) {
    inputs.push(context.graph.inlineFiles([script.file], 0o755))
    mounts.push({ kind: 'bind', input: 1, subpath: '/', target: '/dev/pipes', readonly: true })
  }
  const label = context.step(instruction, state)
  for (const mount of instruction.mounts)
    mounts.push(await toExecMount(mount, state, inputs, context, label.ignoreCache, countAgents(mounts)))
  const env = state.env.get('PATH') === undefined ? state.env.with('PATH', defaultPath) : state.env
  const vertex = context.graph.exec(
    {
      args,
      env: env.entries(),
      buildArgs: declaredArgs(state),
      quietEnv: [...proxyEnv(context.given), ...agentEnv(mounts)].filter(([name]) => env.get(name) === undefined),
      cwd: state.config.WorkingDir || '/',
      user: state.config.User ?? '',
      network: instruction.network === 'default' ? context.network : instruction.network,
      security: instruction.security,
      hostname: context.given.BUILDKIT_SANDBOX_HOSTNAME || 'buildkitsandbox',
      extraHosts: context.extraHosts,
      ...(context.shmSizeBytes === undefined ? {} : { shmSizeBytes: context.shmSizeBytes }),
      ...(context.limits === undefined ? {} : { limits: context.limits }),
      ...sandboxOf(instruction.security, context.sandbox),
      mounts,
      author: state.author,
    },
    inputs,
    label,
  )
  return withHistory({ ...state, vertex }, `RUN ${[...argPrefix(state), ...args].join(' ')} # buildkit`, 'layer')
}

/** An insecure step has no filter, whatever the others have. */
function sandboxOf(security: SecurityMode, sandbox: BuildSandbox = {}): { readonly sandbox?: BuildSandbox } {
  const { seccomp = 'default', noNewPrivileges = false } = sandbox
  const own = {
    ...(security === 'insecure' || seccomp === 'default' ? {} : { seccomp }),
    ...(noNewPrivileges ? { noNewPrivileges } : {}),
  }
  return Object.keys(own).length === 0 ? {} : { sandbox: own }
}

/** The arguments that no ENV of the same name stands for. */
function declaredArgs({ buildArgs, config }: StageState): string[] {
  const fixed = new Set((config.Env ?? []).map((line) => line.slice(0, line.indexOf('='))))
  return [...new Set(buildArgs.map(({ key }) => key))].filter((name) => !fixed.has(name))
}

/** `|2 a=b c=d` in front of the command, when the stage has declared arguments. */
function argPrefix({ buildArgs, env }: StageState): string[] {
  const values = new Map(buildArgs.map(({ key, value }) => [key, `${key}=${env.get(key) ?? value ?? ''}`]))
  return values.size === 0 ? [] : [`|${values.size}`, ...values.values()]
}

/** A lone heredoc is the script itself, or with `#!` a program of its own; others are left to the shell. */
function commandOf({ command, heredocs, code }: RunInstruction): {
  command: RunInstruction['command']
  file?: { name: string; data: Uint8Array }
} {
  const [first] = heredocs
  if (command.form !== 'shell' || first === undefined) return { command }
  if (!/^\d*<<-?[^<]*$/.test(command.text.trim()) || /\s/.test(command.text.trim()) || heredocs.length > 1) {
    const bodies = heredocs.map(({ content, name }) => `\n${content}${name}`).join('')
    return { command: { form: 'shell', text: `${command.text}${bodies}` } }
  }
  const text = processHeredoc(first)
  if (!text.startsWith('#!')) return { command: { form: 'shell', text } }
  if (first.name.includes('/') || first.name === '..')
    throw new CoreError('DOCKERFILE_INVALID', `Cannot run heredoc of "${code}": bad name`)
  const file = { name: first.name, data: Buffer.from(text) }
  return { command: { form: 'shell', text: `/dev/pipes/${first.name}` }, file }
}

function countAgents(mounts: readonly ExecMount[]): number {
  return mounts.filter(({ kind }) => kind === 'ssh').length
}

/** Where the first agent is; its mount is in the key already. */
function agentEnv(mounts: readonly ExecMount[]): (readonly [name: string, value: string])[] {
  const first = mounts.find((mount) => mount.kind === 'ssh')
  return first?.kind === 'ssh' ? [['SSH_AUTH_SOCK', first.target]] : []
}

async function toExecMount(
  mount: RunMount,
  state: StageState,
  inputs: Vertex<LayerChain>[],
  context: StageContext,
  ignoreCache: boolean,
  agents: number,
): Promise<ExecMount> {
  const target = absolute(mount.target, state)
  const input = async (): Promise<number> => {
    inputs.push(mount.from === undefined ? context.graph.contextTree() : await context.from(mount.from))
    return inputs.length - 1
  }
  switch (mount.type) {
    case 'bind':
      if (target === '/') throw new CoreError('DOCKERFILE_INVALID', 'invalid mount target "/"')
      return {
        kind: 'bind',
        input: await input(),
        subpath: posix.join('/', mount.source ?? '/'),
        target,
        readonly: mount.readonly,
      }
    case 'tmpfs':
      return { kind: 'tmpfs', target, ...(mount.sizeBytes === undefined ? {} : { sizeBytes: mount.sizeBytes }) }
    case 'cache':
      return {
        kind: 'cache',
        id: mount.id ?? posix.resolve('/', mount.target ?? ''),
        sharing: mount.sharing ?? 'shared',
        ...(mount.from === undefined ? {} : { input: await input() }),
        subpath: posix.join('/', mount.source ?? '/'),
        target,
        readonly: mount.readonly,
        mode: mount.mode ?? 0o755,
        uid: mount.uid ?? 0,
        gid: mount.gid ?? 0,
        fresh: ignoreCache && (mount.mode ?? mount.uid ?? mount.gid) !== undefined,
      }
    case 'secret': {
      const id = mount.id ?? mount.source ?? posix.basename(mount.target ?? '')
      const path =
        mount.target === undefined && mount.env !== undefined
          ? undefined
          : absolute(mount.target ?? `/run/secrets/${posix.basename(id)}`, state)
      return {
        kind: 'secret',
        id,
        ...(path === undefined ? {} : { target: path }),
        ...(mount.env === undefined ? {} : { env: mount.env }),
        required: mount.required,
        mode: mount.mode ?? 0o400,
        uid: mount.uid ?? 0,
        gid: mount.gid ?? 0,
      }
    }
    case 'ssh':
      return {
        kind: 'ssh',
        id: mount.id ?? 'default',
        target: absolute(mount.target ?? `/run/buildkit/ssh_agent.${agents}`, state),
        required: mount.required,
        mode: mount.mode ?? 0o600,
        uid: mount.uid ?? 0,
        gid: mount.gid ?? 0,
      }
  }
}

function absolute(target: string | undefined, state: StageState): string {
  return posix.resolve('/', state.config.WorkingDir ?? '/', target ?? '')
}
