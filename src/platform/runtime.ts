import { readdir } from 'node:fs/promises'
import { constants, monitorEventLoopDelay, performance, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { limits } from './limits.ts'
import type { Meter } from './meter.ts'
import { metrics } from './metrics.ts'

/** Watches the process itself: event loop, garbage, heap, processor, files. Call `close` of the result at the end. */
export function watchRuntime(meter: Meter, version: string): { close(): void } {
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
  for (const type of Object.values(GC_TYPES)) meter.histogram(metrics.gc, type)
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as unknown as { detail?: { kind?: number } }).detail ?? {}
      meter.histogram(metrics.gc, GC_TYPES[kind ?? 0] ?? 'other').observe(entry.duration / 1000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

// Finer would wake a process that rests 100 times a second, which costs it more than 200 idle devices do.
const RESOLUTION_MILLIS = 100

/** Delays of the last whole window: whoever scrapes, and how many do, takes nothing from another. */
function watchLoop(meter: Meter): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MILLIS })
  delay.enable()
  const [p50, p99] = [meter.cell(metrics.loopDelayP50), meter.cell(metrics.loopDelayP99)]
  const [max, utilization] = [meter.cell(metrics.loopDelayMax), meter.cell(metrics.loopUtilization)]
  let before = performance.eventLoopUtilization()
  // The histogram's own clock is part of what it measures.
  const seconds = (nanos: number) => Math.max(0, nanos / 1e9 - RESOLUTION_MILLIS / 1000)
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization()
    utilization.value = performance.eventLoopUtilization(now, before).utilization
    before = now
    if (delay.max > 0) {
      p50.value = seconds(delay.percentile(50))
      p99.value = seconds(delay.percentile(99))
      max.value = seconds(delay.max)
    }
    delay.reset()
  }, limits.runtimeWindowMillis).unref()
  return () => {
    clearInterval(timer)
    delay.disable()
  }
}

function watchFiles(meter: Meter): () => void {
  const open = meter.cell(metrics.openFiles)
  // Where there is no such folder the figure stays 0.
  const look = () =>
    void readdir('/proc/self/fd').then(
      (files) => (open.value = files.length),
      () => undefined,
    )
  look()
  const timer = setInterval(look, limits.runtimeWindowMillis).unref()
  return () => clearInterval(timer)
}
