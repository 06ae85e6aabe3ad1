namespace Metering.Benchmarks;

/// <summary>Something that must hold exactly for the figures beside it to mean anything.</summary>
internal sealed record Check(string Name, bool Holds, string Detail);
