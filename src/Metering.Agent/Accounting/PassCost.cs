namespace Metering.Agent.Accounting;

/// <summary>What a pass costs on this host; times are medians over the passes measured.</summary>
/// <param name="Cgroups">Live cgroups, the root included.</param>
/// <param name="FilesPerPass">Files read in a pass with nothing pruned.</param>
/// <param name="CpuMicrosecondsPerPass">Processor time of a pass with nothing pruned, user and system.</param>
/// <param name="WallMicrosecondsPerPass">Elapsed time of the same.</param>
/// <param name="BytesAllocatedPerPass">Managed bytes that the process allocated, over the passes.</param>
/// <param name="PrunedCpuMicrosecondsPerPass">Processor time of a pass as the agent runs it.</param>
internal sealed record PassCost(
    int Cgroups, double FilesPerPass, double CpuMicrosecondsPerPass, double WallMicrosecondsPerPass, double BytesAllocatedPerPass, double PrunedCpuMicrosecondsPerPass);
