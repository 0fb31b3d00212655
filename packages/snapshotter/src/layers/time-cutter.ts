/** Cuts times (nanoseconds since the epoch) at `maxMtime` (seconds); without it they stay as they are. */
export function timeCutter(maxMtime: number | undefined): (timeNs: bigint) => bigint {
  if (maxMtime === undefined) return (timeNs) => timeNs
  const latestNs = BigInt(Math.floor(maxMtime)) * 1_000_000_000n
  return (timeNs) => {
    if (timeNs > latestNs) return latestNs
    return timeNs
  }
}
