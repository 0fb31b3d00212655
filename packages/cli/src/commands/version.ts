import { arch, version as node, platform } from 'node:process'
import { compileTemplate } from '../template/render.js'
import { version } from '../version.js'
import type { CliCommand } from './command.js'

export const versionCommand: CliCommand = {
  summary: 'Show the version of tsbuild',
  define(command) {
    command.option('-f, --format <format>', '"json" or a Go template')
    command.addHelpText('after', "\nExample:\n  tsbuild version --format '{{.Version}}'")
  },
  async run(command) {
    const facts = { Version: version, Node: node, Os: platform, Arch: arch }
    const { format } = command.opts<{ format?: string }>()
    if (format === 'json') return { stdout: `${JSON.stringify(facts)}\n` }
    if (format !== undefined) return { stdout: `${compileTemplate(format)(facts)}\n` }
    return { stdout: `tsbuild version ${version}\nNode ${node}, ${platform}/${arch}\n` }
  },
}
