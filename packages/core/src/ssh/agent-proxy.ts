import { chmod, chown } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { relayAgent } from './agent-relay.js'
import type { SocketDirectory } from './socket-directory.js'

/** Who may use a step's socket. */
export interface SocketAccess {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** A socket that leads to an agent; disposing it ends its connections and removes it. */
export interface AgentProxy extends AsyncDisposable {
  readonly path: string
  /** The same, short enough to be connected to, for programs that this process starts. */
  readonly reachablePath: string
}

/** Makes a socket of the given owner and mode: the agent's own one would be closed to a step that isn't root.
 * @param agentPath socket of the agent, connected anew for each connection */
export async function openAgentProxy(
  directory: SocketDirectory,
  name: string,
  agentPath: string,
  { mode, uid, gid }: SocketAccess,
): Promise<AgentProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((step) => void serve(step, agentPath, sockets))
  const path = join(directory.path, name)
  await listen(server, directory.short(name))
  const close = async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
  try {
    await chmod(path, mode)
    await chown(path, uid, gid)
  } catch (error) {
    await close()
    throw error
  }
  return { path, reachablePath: directory.reachable(name), [Symbol.asyncDispose]: close }
}

async function serve(step: Socket, agentPath: string, sockets: Set<Socket>): Promise<void> {
  const agent = connect(agentPath)
  for (const socket of [step, agent]) {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  }
  try {
    await relayAgent(step, agent)
  } catch {
    // Whichever side broke off or sent nonsense: for the other one it's the end of the connection.
  } finally {
    step.destroy()
    agent.destroy()
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
