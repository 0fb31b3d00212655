import { Option } from 'commander'
import { addRootFlag, type EngineFlags, openEngine } from '../engine.js'
import type { CliCommand } from './command.js'

interface Flags extends EngineFlags {
  readonly purge?: boolean
  readonly format: 'oci' | 'docker'
}

export const manifestPush: CliCommand = {
  summary: "Send a list and its images to the registry of the list's name",
  define(command) {
    command.argument('<LIST>', 'name of the list')
    command.option('-p, --purge', 'forget the list here afterwards')
    const format = new Option('--format <format>', 'media types of the list: oci (default) or docker')
    command.addOption(format.choices(['oci', 'docker']).default('oci'))
    addRootFlag(command)
    command.addHelpText('after', '\nExample:\n  tsbuild manifest push --purge localhost:5000/app:1')
  },
  async run(command, io) {
    const { purge, format, ...flags } = command.opts<Flags>()
    const [name = ''] = command.args
    await using engine = await openEngine(flags)
    const { digest } = await engine.images.manifestLists.push(name, {
      purge: purge === true,
      format,
      signal: io.signal,
      onImage: (image, pushed) => io.stderr.write(`Pushed ${image}: ${pushed}\n`),
    })
    return { stdout: `${digest}\n` }
  },
}
