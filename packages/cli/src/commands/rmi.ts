import { hasCode } from '@tsbuild/spec'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import { formatError } from '../error-report.js'
import { removedLines } from '../images/removed.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly force?: boolean
}

export const rmi: CliCommand = {
  summary: 'Remove images',
  define(command) {
    command.argument('<IMAGE...>', 'names or ids; with several names an image loses this one only')
    command.option('-f, --force', 'also with several names, or with containers; what is not there is no failure')
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild rmi app:1.0 app:1.1')
  },
  async run(command, io) {
    const flags = command.opts<Flags>()
    const force = flags.force === true
    await using engine = await openEngine(flags)
    let stdout = ''
    let stderr = ''
    let failed = false
    for (const name of command.args) {
      io.signal.throwIfAborted()
      try {
        stdout += removedLines(await engine.images.remove(name, { force }))
      } catch (error) {
        stderr += formatError(error, io).stderr ?? ''
        failed ||= !force || !hasCode(error, 'IMAGE_NOT_FOUND')
      }
    }
    return { stdout, stderr, exitCode: failed ? 1 : 0 }
  },
}
