import { at, type LintRule, ruleUrl } from '../rule.js'

export const redundantTargetPlatform: LintRule = {
  name: 'RedundantTargetPlatform',
  description: 'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  url: ruleUrl('redundant-target-platform'),
  *find({ stages, globals }) {
    for (const { stage, platform } of stages) {
      if (platform?.used.length !== 1 || platform.unmatched.length > 0) continue
      if (platform.used[0] !== 'TARGETPLATFORM' || platform.value !== globals.values.get('TARGETPLATFORM')) continue
      yield at(
        stage.from,
        `Setting platform to predefined ${stage.platform} in FROM is redundant as this is the default behavior`,
      )
    }
  },
}
