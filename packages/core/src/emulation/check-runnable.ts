import { formatPlatform, hostPlatform, type Platform, platformScore } from '@tsbuild/spec'
import { CoreError } from '../errors.js'
import { type Emulator, emulatorFor } from './binfmt.js'

/** Refuses to run programs of a platform for which there is neither this machine's processor nor an emulator, before anything runs.
 * @throws {CoreError} `PLATFORM_UNSUPPORTED` */
export async function checkRunnable(
  platform: Platform,
  emulators: () => Promise<readonly Emulator[]>,
  host: Platform = hostPlatform(),
): Promise<void> {
  if (platformScore(host, platform) !== undefined) return
  const message = `Cannot run programs for ${formatPlatform(platform)}: this machine runs ${formatPlatform(host)}`
  const emulator = emulatorFor(platform, await emulators())
  if (emulator?.fixed) return
  if (emulator === undefined) {
    const hint =
      'Install an emulator (Debian: apt-get install qemu-user-static binfmt-support), or run the step in a stage for this machine: FROM --platform=$BUILDPLATFORM'
    throw new CoreError('PLATFORM_UNSUPPORTED', `${message}, and binfmt_misc has no emulator for it`, { hint })
  }
  throw new CoreError(
    'PLATFORM_UNSUPPORTED',
    `${message}, and its emulator "${emulator.name}" is not found in other root file systems`,
    { hint: 'Register it with flag F, as qemu-user-static does' },
  )
}
