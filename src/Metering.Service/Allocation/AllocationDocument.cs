namespace Metering.Service.Allocation;

/// <summary>All versions, as one document: they follow each other in time.</summary>
public sealed record AllocationDocument
{
    public IReadOnlyList<AllocationVersion> Versions { get; init => field = value ?? []; } = [];
}
