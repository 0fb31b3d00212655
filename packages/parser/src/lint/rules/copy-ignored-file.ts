import { cleanPath } from '../../ignore/clean-path.js'
import { quote } from '../../text.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const copyIgnoredFile: LintRule = {
  name: 'CopyIgnoredFile',
  description: 'Attempting to Copy file that is excluded by .dockerignore',
  url: ruleUrl('copy-ignored-file'),
  *find({ stages, options: { ignore } }) {
    // With exceptions, a directory that is ignored may still have files that are not.
    if (ignore === undefined || ignore.hasExceptions) return
    for (const { instruction } of stages.flatMap(({ steps }) => steps)) {
      if (instruction.kind !== 'add' && instruction.kind !== 'copy') continue
      if (instruction.kind === 'copy' && instruction.from !== undefined) continue
      const verb = instruction.kind === 'add' ? 'Add' : 'Copy'
      for (const source of instruction.sources) {
        const path = cleanPath(source)
        if (path === '.' || isRemote(source) || !ignore.matches(path)) continue
        yield at(instruction, `Attempting to ${verb} file ${quote(path)} that is excluded by .dockerignore`)
      }
    }
  },
}

function isRemote(source: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@|^github\.com\//.test(source)
}
