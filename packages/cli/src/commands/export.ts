import { createWriteStream } from 'node:fs'
import { lstat, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { binaryStdout } from '../binary-stdout.js'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly output?: string
}

export const exportCommand: CliCommand = {
  summary: "Write a container's file system as a tar",
  define(command) {
    command.argument('<CONTAINER>', 'name or id')
    command.option('-o, --output <file>', 'file (default: standard output)')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild export -o web.tar web')
  },
  async run(command, io) {
    const { output, ...flags } = command.opts<Flags>()
    const toStdout = output === undefined || output === '-'
    const stdout = toStdout ? binaryStdout(io.stdout, 'Redirect it, or name a file: -o files.tar') : undefined
    await using engine = await openEngine(flags)
    const container = await engine.containers.get(command.args[0] ?? '')
    const tar = Readable.from(container.export({ signal: io.signal }), { objectMode: false })
    if (stdout !== undefined) {
      await pipeline(tar, stdout)
      return {}
    }
    try {
      await pipeline(tar, createWriteStream(output ?? '', { flags: 'w' }))
    } catch (error) {
      if (await isFile(output ?? '')) await rm(output ?? '', { force: true })
      throw error
    }
    return {}
  },
}

/** Not /dev/null, nor a pipe. */
async function isFile(path: string): Promise<boolean> {
  return await lstat(path).then(
    (stat) => stat.isFile(),
    () => false,
  )
}
