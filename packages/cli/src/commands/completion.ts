import { Argument } from 'commander'
import { type Completion, complete } from '../completion/complete.js'
import { completionScripts } from '../completion/scripts.js'
import type { CliCommand, CliEntry } from './command.js'

export const completion: CliCommand = {
  summary: 'Print a script that completes commands in a shell',
  define(command) {
    command.addArgument(new Argument('<SHELL>', 'bash, zsh or fish').choices(Object.keys(completionScripts)))
    command.addHelpText(
      'after',
      `
Examples:
  source <(tsbuild completion bash)       # in ~/.bashrc; the same with zsh in ~/.zshrc
  tsbuild completion fish | source        # in ~/.config/fish/config.fish`,
    )
  },
  async run(command) {
    const [shell = ''] = command.args
    const known = Object.entries(completionScripts).find(([name]) => name === shell)
    return { stdout: known?.[1] ?? '' }
  },
}

/** What the scripts call at each Tab. It makes no root folder and says nothing where something goes wrong. */
export function completeCommand(entries: () => Readonly<Record<string, CliEntry>>): CliCommand {
  return {
    summary: 'Answer a completion script',
    define(command) {
      command.argument('[WORD...]', 'words of the command line up to the cursor')
    },
    async run(command) {
      const findNames = async (root: string | undefined) => {
        const { readNames } = await import('@tsbuild/core')
        return await readNames(root)
      }
      const answer = await complete(entries(), command.args, findNames).catch((): Completion => nothing)
      const lines = answer.candidates.map(({ value, description }) =>
        description === undefined ? value : `${value}\t${description.replace(/\s+/g, ' ')}`,
      )
      return { stdout: [answer.paths, ...lines].map((line) => `${line}\n`).join('') }
    },
  }
}

const nothing: Completion = { paths: 'none', candidates: [] }
