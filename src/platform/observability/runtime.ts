import { readdir } from 'node:fs/promises'
import {
  constants,
  monitorEventLoopDelay,
  performance,
  PerformanceObserver,
  type IntervalHistogram,
} from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { limits } from '../limits.ts'
import type { Meter } from './meter.ts'
import { metrics } from './metrics.ts'
import { every } from '../shared-timer.ts'

/** Adds figures of the process to each reading: version, heap, processor, memory. */
export function tellOfProcess(meter: Meter, version: string): void {
  meter.cell(metrics.build, version, process.version).value = 1
  meter.cell(metrics.startTime).value = Math.round(performance.timeOrigin) / 1000
  const [heapUsed, heapLimit] = [meter.cell(metrics.heapUsed), meter.cell(metrics.heapLimit)]
  const [cpu, memory] = [meter.cell(metrics.cpu), meter.cell(metrics.memory)]
  meter.onCollect(() => {
    const heap = getHeapStatistics()
    heapUsed.value = heap.used_heap_size
    heapLimit.value = heap.heap_size_limit
    const { user, system } = process.cpuUsage()
    cpu.value = (user + system) / 1e6
    memory.value = process.memoryUsage.rss()
  })
}

/** Observes event loop, garbage collection and files of the process. Call `close` of the result at the end. */
export function watchRuntime(meter: Meter): { close(): void } {
  const stops = [watchGarbage(meter), watchLoop(meter), watchFiles(meter)]
  return { close: () => stops.forEach((stop) => stop()) }
}

const GC_TYPES: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
}

function watchGarbage(meter: Meter): () => void {
  const histograms = new Map(
    Object.entries(GC_TYPES).map(([kind, type]) => [Number(kind), meter.histogram(metrics.gc, type)]),
  )
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { detail?: { kind?: number } }).detail ?? {}
      const histogram = histograms.get(kind ?? 0) ?? meter.histogram(metrics.gc, 'other')
      histogram.observe(entry.duration / 1000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

// Each sample wakes the process. A busy process hardly notices fifty a second. An idle one is sampled rarely, because
// they would cost it more than 200 idle devices do.
const BUSY_MILLIS = 20
const RESTING_MILLIS = 500
/** The utilization above which a process counts as busy. */
const BUSY = 0.02

/** Delays of the last complete window, so that scrapers do not affect each other. */
function watchLoop(meter: Meter): () => void {
  let millis = BUSY_MILLIS
  let delay = lookEvery(millis)
  const [p50, p99] = [meter.cell(metrics.loopDelayP50), meter.cell(metrics.loopDelayP99)]
  const [max, utilization] = [meter.cell(metrics.loopDelayMax), meter.cell(metrics.loopUtilization)]
  let before = performance.eventLoopUtilization()
  // The histogram's own timer is part of the measured delay.
  const seconds = (nanos: number) => Math.max(0, nanos / 1e9 - millis / 1000)
  const stop = every(limits.runtimeWindowMillis, () => {
    const now = performance.eventLoopUtilization()
    utilization.value = performance.eventLoopUtilization(now, before).utilization
    before = now
    if (delay.max > 0) {
      p50.value = seconds(delay.percentile(50))
      p99.value = seconds(delay.percentile(99))
      max.value = seconds(delay.max)
    }
    delay.reset()
    const next = utilization.value >= BUSY ? BUSY_MILLIS : RESTING_MILLIS
    if (next === millis) return
    millis = next
    delay.disable()
    delay = lookEvery(millis)
  })
  return () => {
    stop()
    delay.disable()
  }
}

function lookEvery(resolution: number): IntervalHistogram {
  const delay = monitorEventLoopDelay({ resolution })
  delay.enable()
  return delay
}

function watchFiles(meter: Meter): () => void {
  const open = meter.cell(metrics.openFiles)
  // Without such a folder, the figure stays 0.
  const look = () =>
    void readdir('/proc/self/fd').then(
      (files) => (open.value = files.length),
      () => undefined,
    )
  look()
  return every(limits.runtimeWindowMillis, look)
}
