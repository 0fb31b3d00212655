import { posix } from 'node:path'
import type { Vertex } from '@tsbuild/solver'
import type { ContainerConfig, HistoryEntry, Platform } from '@tsbuild/spec'
import type { ResolvedImage } from '../images/resolve-image.js'
import type { LayerChain } from '../ops/layers.js'
import { Env } from './env.js'

/** What is known of a stage after some of its instructions. Each instruction makes a new state, so that a stage built on another
 * starts from what that one had at its end. */
export interface StageState {
  readonly vertex: Vertex<LayerChain>
  readonly platform: Platform
  readonly config: ContainerConfig
  readonly author: string
  /** Environment that words and steps see: the image's, ARG and ENV as they come. */
  readonly env: Env
  /** ARGs declared so far; without a value when they have none. */
  readonly buildArgs: readonly { readonly key: string; readonly value?: string }[]
  readonly history: readonly HistoryEntry[]
  /** How many of the chain's lowest layers come from an image as it is. */
  readonly baseLayers: number
  /** Whether CMD stands in this very stage. */
  readonly cmdSet: boolean
  readonly 'os.version'?: string
}

/** The part of it that instructions for the image's config work on. */
export type ConfigState = Pick<StageState, 'config' | 'author' | 'env' | 'history' | 'cmdSet'>

/** PATH of an image that does not say. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** `FROM scratch`. */
export function scratchState(vertex: Vertex<LayerChain>, platform: Platform): StageState {
  const config = { Env: [`PATH=${defaultPath}`], WorkingDir: '/' }
  return {
    vertex,
    platform,
    config,
    author: '',
    env: new Env().withList(config.Env),
    buildArgs: [],
    history: [],
    baseLayers: 0,
    cmdSet: false,
  }
}

/** FROM an image. */
export function imageState(image: ResolvedImage, vertex: Vertex<LayerChain>, platform: Platform): StageState {
  const config = image.config.config ?? {}
  return {
    vertex,
    platform,
    config: config.WorkingDir === undefined ? config : { ...config, WorkingDir: posix.join('/', config.WorkingDir) },
    author: image.config.author ?? '',
    env: new Env().withList(config.Env),
    buildArgs: [],
    history: image.config.history ?? [],
    baseLayers: image.config.rootfs.diff_ids.length,
    cmdSet: false,
    ...(image.config['os.version'] === undefined ? {} : { 'os.version': image.config['os.version'] }),
  }
}

/** Adds a line of history as BuildKit writes it; a line without a layer is marked so. */
export function withHistory<State extends ConfigState>(
  state: State,
  createdBy: string,
  layer: 'layer' | 'empty',
): State {
  const entry: HistoryEntry = {
    created_by: createdBy,
    comment: 'buildkit.dockerfile.v0',
    ...(layer === 'empty' ? { empty_layer: true } : {}),
  }
  return { ...state, history: [...state.history, entry] }
}
