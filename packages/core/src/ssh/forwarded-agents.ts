import { access, constants } from 'node:fs/promises'
import type { SshSource } from '../api.js'
import { CoreError } from '../errors.js'
import type { AgentProxy, SocketAccess } from './agent-proxy.js'
import type { SocketDirectory } from './socket-directory.js'

/** The ssh agents that a build forwards to its steps. */
export interface ForwardedAgents {
  /** A socket of that owner and mode that leads to the agent, or undefined where the build has none of that id.
   * @throws {CoreError} `SSH_UNAVAILABLE` */
  open(id: string, access: SocketAccess): Promise<AgentProxy | undefined>
}

/** Checks what a build forwards; nothing is started before a step needs it. After disposing, what steps still use ends with the last
 * of them.
 * @param parent private folder for the sockets
 * @throws {CoreError} `OPTION_INVALID`, `SSH_UNAVAILABLE` */
export async function openForwardedAgents(
  sources: Readonly<Record<string, SshSource>>,
  parent: () => string,
): Promise<ForwardedAgents & AsyncDisposable> {
  const entries = Object.entries(sources)
  for (const [id, source] of entries) await checkSource(id, source)
  return new Agents(new Map(entries), parent)
}

async function checkSource(id: string, { socket, keys = [] }: SshSource): Promise<void> {
  if ((socket === undefined) === (keys.length === 0))
    throw new CoreError('OPTION_INVALID', `Cannot forward ssh agent "${id}": either a socket or keys are needed`)
  for (const path of socket === undefined ? keys : [socket]) {
    await access(path, constants.R_OK).catch((cause: NodeJS.ErrnoException) => {
      throw new CoreError('SSH_UNAVAILABLE', `Cannot forward ssh agent "${id}": ${cause.message}`, { cause })
    })
  }
  if (socket !== undefined) return
  const { requireAgentPrograms } = await import('./key-agent.js')
  await requireAgentPrograms()
}

class Agents implements ForwardedAgents, AsyncDisposable {
  readonly #sources: ReadonlyMap<string, SshSource>
  readonly #parent: () => string
  readonly #paths = new Map<string, Promise<string>>()
  readonly #started: AsyncDisposable[] = []
  #directory: Promise<SocketDirectory> | undefined
  #count = 0
  #users = 1

  constructor(sources: ReadonlyMap<string, SshSource>, parent: () => string) {
    this.#sources = sources
    this.#parent = parent
  }

  async open(id: string, access: SocketAccess): Promise<AgentProxy | undefined> {
    const source = this.#sources.get(id)
    if (source === undefined) return undefined
    this.#users++
    try {
      const { openAgentProxy } = await import('./agent-proxy.js')
      this.#directory ??= openDirectory(this.#parent())
      const directory = await this.#directory
      const agentPath = await this.#agentPath(id, source, directory)
      const proxy = await openAgentProxy(directory, `step-${this.#count++}`, agentPath, access)
      const close = async () => {
        await proxy[Symbol.asyncDispose]()
        await this.#leave()
      }
      return { ...proxy, [Symbol.asyncDispose]: close }
    } catch (cause) {
      await this.#leave()
      if (cause instanceof CoreError) throw cause
      throw new CoreError('SSH_UNAVAILABLE', `Cannot forward ssh agent "${id}": ${(cause as Error).message}`, { cause })
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave()
  }

  #agentPath(id: string, { socket, keys = [] }: SshSource, directory: SocketDirectory): Promise<string> {
    let path = this.#paths.get(id)
    if (path === undefined) {
      path = socket === undefined ? this.#start(directory, keys) : Promise.resolve(socket)
      this.#paths.set(id, path)
    }
    return path
  }

  async #start(directory: SocketDirectory, keys: readonly string[]): Promise<string> {
    const { startKeyAgent } = await import('./key-agent.js')
    const name = `agent-${this.#count++}`
    this.#started.push(await startKeyAgent(directory.path, name, keys))
    return directory.short(name)
  }

  async #leave(): Promise<void> {
    if (--this.#users > 0) return
    for (const agent of this.#started.splice(0)) await agent[Symbol.asyncDispose]()
    const directory = await this.#directory?.catch(() => undefined)
    await directory?.[Symbol.asyncDispose]()
  }
}

async function openDirectory(parent: string): Promise<SocketDirectory> {
  const { openSocketDirectory } = await import('./socket-directory.js')
  return await openSocketDirectory(parent)
}
