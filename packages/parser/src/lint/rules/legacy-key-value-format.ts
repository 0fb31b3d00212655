import { at, type LintRule, ruleUrl } from '../rule.js'

export const legacyKeyValueFormat: LintRule = {
  name: 'LegacyKeyValueFormat',
  description: 'Legacy key/value format with whitespace separator should not be used',
  url: ruleUrl('legacy-key-value-format'),
  *find({ stages }) {
    for (const { instruction } of stages.flatMap(({ steps }) => steps)) {
      if (instruction.kind !== 'env' && instruction.kind !== 'label') continue
      if (instruction.pairs.every(({ delimiter }) => delimiter === '=')) continue
      const { keyword } = instruction
      yield at(instruction, `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`)
    }
  },
}
