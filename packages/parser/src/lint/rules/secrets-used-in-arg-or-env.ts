import { quote } from '../../text.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

const secret = /(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)/i
const harmless = /(?:_|^)(?:public|file|version)(?:_|$)/i

export const secretsUsedInArgOrEnv: LintRule = {
  name: 'SecretsUsedInArgOrEnv',
  description: 'Sensitive data should not be used in the ARG or ENV commands',
  url: ruleUrl('secrets-used-in-arg-or-env'),
  *find({ stages }) {
    for (const { instruction } of stages.flatMap(({ steps }) => steps)) {
      if (instruction.kind !== 'arg' && instruction.kind !== 'env') continue
      const keys = instruction.kind === 'arg' ? instruction.args : instruction.pairs
      for (const { key } of keys) {
        if (!secret.test(key) || harmless.test(key)) continue
        const where = `${instruction.kind.toUpperCase()} ${quote(key)}`
        yield at(instruction, `Do not use ARG or ENV instructions for sensitive data (${where})`)
      }
    }
  },
}
