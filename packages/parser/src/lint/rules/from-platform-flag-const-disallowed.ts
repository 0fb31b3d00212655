import { quote } from '../../text.js'
import { platformOrNone } from '../platform-or-none.js'
import { at, type LintRule, ruleUrl } from '../rule.js'

export const fromPlatformFlagConstDisallowed: LintRule = {
  name: 'FromPlatformFlagConstDisallowed',
  description: 'FROM --platform flag should not use a constant value',
  url: ruleUrl('from-platform-flag-const-disallowed'),
  *find({ stages }) {
    for (const { stage, platform } of stages) {
      if (platform === undefined || platform.used.length > 0 || platform.unmatched.length > 0) continue
      const parsed = platformOrNone(platform.value)
      const name = stage.name ?? ''
      if (parsed === undefined || name.includes(parsed.os) || name.includes(parsed.architecture)) continue
      yield at(stage.from, `FROM --platform flag should not use constant value ${quote(platform.value)}`)
    }
  },
}
