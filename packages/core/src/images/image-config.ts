import type { DiffID, HistoryEntry, ImageConfig, Platform } from '@tsbuild/spec'
import type { StageState } from '../frontend/stage-state.js'

export interface ConfigRequest {
  readonly target: StageState
  readonly diffIds: readonly DiffID[]
  /** When each layer was made, lowest first; milliseconds since the epoch. */
  readonly layerTimes: readonly number[]
  readonly labels: Readonly<Record<string, string>>
  /** SOURCE_DATE_EPOCH in seconds: replaces every time that this build gives. */
  readonly epoch?: number
  readonly now: number
}

/** The image config of a built stage. Times come from the layers, so a cached build gives the same config again. */
export function imageConfig({ target, diffIds, layerTimes, labels, epoch, now }: ConfigRequest): ImageConfig {
  const history = datedHistory(target.history, layerTimes, epoch, now)
  const created = epoch === undefined ? (history.at(-1)?.created ?? isoTime(now)) : isoTime(epoch * 1000)
  const Labels = { ...target.config.Labels, ...labels }
  return {
    created,
    ...(target.author === '' ? {} : { author: target.author }),
    ...platformMembers(target.platform),
    ...(target['os.version'] === undefined ? {} : { 'os.version': target['os.version'] }),
    config: { ...target.config, ...(Object.keys(Labels).length === 0 ? {} : { Labels }) },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history,
  }
}

function platformMembers({
  architecture,
  os,
  variant,
}: Platform): Pick<ImageConfig, 'architecture' | 'os' | 'variant'> {
  return { architecture, os, ...(variant === undefined ? {} : { variant }) }
}

/** Gives each new line the time of its layer; a line without a layer has that of the line before. */
function datedHistory(
  lines: readonly HistoryEntry[],
  layerTimes: readonly number[],
  epoch: number | undefined,
  now: number,
): HistoryEntry[] {
  // A base image may have fewer lines than layers; those of this build are the last ones of both.
  let layer = Math.max(0, layerTimes.length - lines.filter((line) => line.empty_layer !== true).length)
  let last = epoch === undefined ? isoTime(layerTimes[0] ?? now) : isoTime(epoch * 1000)
  return lines.map((line) => {
    const time = line.empty_layer === true ? undefined : layerTimes[layer++]
    if (line.created !== undefined) last = line.created
    else if (epoch !== undefined) last = isoTime(epoch * 1000)
    else if (time !== undefined) last = isoTime(time)
    return { created: last, ...line }
  })
}

/** RFC 3339 as Go writes it: fractions of a second only where there are some. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z')
}
