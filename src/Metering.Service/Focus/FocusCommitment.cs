using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>A commitment of one period, as the document has it.</summary>
/// <param name="TermsFrom">Which terms of the contract; null: the contract has been changed since, no row can be named that it covers.</param>
internal sealed record FocusCommitment(string Id, long? TermsFrom, Amount Bought)
{
    public byte[] Field { get; } = FocusCsv.Field(Id);

    /// <summary>What it covers.</summary>
    public Amount Used { get; set; }

    /// <summary>True when rows of usage are written as covered; else the line is a row of its own.</summary>
    public bool IsByRow { get; set; }
}
