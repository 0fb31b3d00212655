import { formatPlatform, normalizePlatform } from '@tsbuild/spec'
import { quote } from '../../text.js'
import { platformOrNone } from '../platform-or-none.js'
import { at, type LintRule } from '../rule.js'

export const invalidBaseImagePlatform: LintRule = {
  name: 'InvalidBaseImagePlatform',
  description: 'Base image platform does not match expected target platform',
  *find({ stages, targetPlatform }) {
    for (const { stage, baseName, platform, image, steps } of stages) {
      const actual = image?.platform
      const expected = platform === undefined ? targetPlatform : platformOrNone(platform.value)
      if (actual === undefined || expected === undefined || steps === undefined) continue
      if (actual.os === expected.os && actual.architecture === expected.architecture) continue
      const [got, wanted] = [actual, expected].map((value) => quote(formatPlatform(normalizePlatform(value))))
      yield at(
        stage.from,
        `Base image ${baseName.value} was pulled with platform ${got}, expected ${wanted} for current build`,
      )
    }
  },
}
