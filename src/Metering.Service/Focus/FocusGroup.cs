using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>One entry of the dataset of invoice details: a line of a document, with the lines of the discounts on it. State: what its rows have added up to.</summary>
internal sealed class FocusGroup
{
    public required byte[] DetailId { get; init; }

    public required int Number { get; init; }

    public string Text { get; init; } = "";

    /// <summary>Exact, with discounts, before a commitment.</summary>
    public Amount Cost { get; set; }

    /// <summary>What the document says in minor units, with discounts, less what a commitment covers.</summary>
    public Amount Target { get; set; }

    /// <summary>What discounts take off the price, in 10⁻¹⁰ of the currency, negative; each as the document has it.</summary>
    public List<long> Discounts { get; } = [];

    /// <summary>What a commitment covers of what was bought: such rows are no usage, so it is written apart from them.</summary>
    public List<(FocusCommitment Commitment, Amount Covered)> Apart { get; } = [];

    /// <summary>What rows have been written for: at the contracted price, and how much of that the commitment covers.</summary>
    public Amount Written { get; set; }

    public Amount Covered { get; set; }
}
