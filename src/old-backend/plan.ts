/**
 * A place on the plan, 0 to 1. A coordinate above 1 is in pixels of 800 by 600; each is converted on its own, then
 * clamped.
 */
export function onPlan({ x, y }: { readonly x: number; readonly y: number }): { x: number; y: number } {
  const clamp = (n: number) => Math.min(1, Math.max(0, n)) + 0
  return { x: clamp(x > 1 ? x / 800 : x), y: clamp(y > 1 ? y / 600 : y) }
}
