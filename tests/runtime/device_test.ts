import assert from "node:assert/strict";
import { isSoftwareAdapter } from "../../lib/runtime/webgpu/adapter.ts";
import { chooseDevice, type Machine } from "../../lib/runtime/device.ts";

function machine(
  adapter: { name: string; software: boolean } | undefined,
  nativeProblem?: string,
): Machine {
  return {
    adapter: () => Promise.resolve(adapter),
    nativeProblem: () => Promise.resolve(nativeProblem),
  };
}
const GPU = { name: "NVIDIA L4", software: false };
const LLVMPIPE = { name: "llvmpipe (LLVM 15)", software: true };

Deno.test("chooseDevice() takes a real GPU, else the native library, else WebAssembly", async () => {
  const cases: [string, Machine, string, RegExp][] = [
    ["auto", machine(GPU), "webgpu", /has a GPU \(NVIDIA L4\)/],
    ["auto", machine(LLVMPIPE), "cpu", /llvmpipe \(LLVM 15\), is software/],
    ["auto", machine(undefined), "cpu", /^no GPU; the native library is there/],
    ["auto", machine(undefined, "no library for plan9"), "wasm", /no library for plan9/],
    ["wasm", machine(GPU), "wasm", /asked for/],
    ["cpu", machine(GPU), "cpu", /asked for/],
    ["webgpu", machine(LLVMPIPE), "webgpu", /asked for; .*llvmpipe.*computes on the CPU/],
  ];
  for (const [asked, here, device, why] of cases) {
    const choice = await chooseDevice(asked, here);
    assert.equal(choice.device, device);
    assert.match(choice.why, why);
  }
});

Deno.test("chooseDevice() refuses a device that is not there and says what to do", async () => {
  const cases: [string, RegExp][] = [
    ["webgpu", /cannot use the device webgpu.*no WebGPU adapter.*--device auto/],
    ["cpu", /cannot use the device cpu: does not load.*--device wasm/],
    ["wsm", /unknown device "wsm".*did you mean "wasm".*auto, cpu, webgpu, wasm/],
  ];
  for (const [asked, message] of cases) {
    await assert.rejects(
      chooseDevice(asked, machine(undefined, "does not load")),
      (error: Error) => {
        assert.equal(error.name, "UserError");
        assert.match(error.message, message);
        return true;
      },
    );
  }
});

Deno.test("chooseDevice() finds an engine on this machine", async () => {
  const { device, why } = await chooseDevice("auto");
  assert.ok(["cpu", "webgpu", "wasm"].includes(device));
  assert.ok(why.length > 0);
});

Deno.test("isSoftwareAdapter() knows the rasterizers by name", () => {
  const names: [string, boolean][] = [
    ["llvmpipe (LLVM 15.0.6, 256 bits)", true],
    ["SwiftShader Device (Subzero)", true],
    ["Microsoft Basic Render Driver", true],
    ["NVIDIA GeForce RTX 4090", false],
    ["AMD Radeon Graphics (RADV RENOIR)", false],
    ["Apple M3", false],
  ];
  for (const [name, software] of names) assert.equal(isSoftwareAdapter(name), software, name);
});
