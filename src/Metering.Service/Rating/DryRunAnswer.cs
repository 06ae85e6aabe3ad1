namespace Metering.Service.Rating;

/// <summary>What the draft would change.</summary>
internal sealed record DryRunAnswer(string Book, IReadOnlyList<DryRunRow> Rows);
