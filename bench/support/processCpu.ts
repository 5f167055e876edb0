import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"]).toString());

/**
 * CPU time a process has used so far, user and system, in seconds (Linux: /proc/PID/stat, fields 14 and 15).
 * It holds on noisy machines, where elapsed time does not.
 */
export function cpuSeconds(pid: number): number {
  return sumOfTicks(`/proc/${pid}/stat`, 14);
}

/** CPU time of all children of this process that have ended, in seconds (fields 16 and 17). */
export function endedChildrenCpu(): number {
  return sumOfTicks("/proc/self/stat", 16);
}

function sumOfTicks(file: string, field: number): number {
  const stat = readFileSync(file, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // The name before may hold spaces and brackets.
  return (Number(fields[field - 3]) + Number(fields[field - 2])) / ticksPerSecond;
}

/** Largest resident memory of a process so far, in bytes. */
export function peakMemory(pid: number): number {
  return memoryFigure(pid, "VmHWM");
}

/** Resident memory of a process now, in bytes. */
export function residentMemory(pid: number): number {
  return memoryFigure(pid, "VmRSS");
}

function memoryFigure(pid: number, name: "VmHWM" | "VmRSS"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
}
