using System.Text.Json;
using System.Text.Json.Serialization;
using Metering.Service.Ledger;
using Metering.Service.Rating;

namespace Metering.Service.Billing;

/// <summary>
/// An invoice, or a credit or debit note that corrects an earlier period. Σ amounts of the lines = total. Its JSON is what is stored and hashed; nothing in it comes from the clock.
/// </summary>
/// <param name="Id">The number as it is written, such as <c>000017</c>; of a draft, which has none, the name by which it is asked for, such as <c>draft-2026-10.acme.EUR</c>.</param>
/// <param name="Number">Gapless over all tenants, from 1; 0 on what is not issued yet.</param>
/// <param name="Kind"><c>invoice</c>, <c>creditNote</c> or <c>debitNote</c>.</param>
/// <param name="Period">The period that issues it.</param>
/// <param name="Origin">The period in which was used what it is for; another than the period on notes.</param>
/// <param name="Corrects">Number of the invoice that a note corrects; absent when the period had none for the tenant.</param>
/// <param name="From">Beginning of the origin in the tenant's zone, UTC.</param>
/// <param name="To">Its end, exclusive.</param>
/// <param name="IssuedOn">The day in the tenant's zone on which the issuing period ended.</param>
/// <param name="Drawn">What is paid from credits and prepaid amounts, by their ids.</param>
public sealed record InvoiceDocument(
    string Id, long Number, string Kind, string Period, string Origin, string? Corrects, InvoiceTenant Tenant, string Currency, DateTimeOffset From, DateTimeOffset To, string IssuedOn,
    IReadOnlyList<InvoiceLine> Lines, decimal Total, IReadOnlyDictionary<string, decimal> Drawn)
{
    /// <summary><c>draft</c>: not issued, as it would be now. Absent on what is issued.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? State { get; init; }

    /// <summary>On a credit note that reverses an invoice with all notes on it: the invoice's number.</summary>
    public string? Voids { get; init; }

    /// <summary>On an invoice that was issued anew: the number of the one that was voided.</summary>
    public string? Replaces { get; init; }

    /// <summary>Sum of the lines without tax and what is paid from credits.</summary>
    public decimal Net { get; init; }

    /// <summary>Sum of the lines of kind <c>tax</c>.</summary>
    public decimal Tax { get; init; }

    /// <summary>Who issues it; absent when nobody is configured.</summary>
    public InvoiceSeller? Seller { get; init; }

    public BillTo? BillTo { get; init; }

    /// <summary>Absent on credit notes, and where no term of payment is configured.</summary>
    public string? DueOn { get; init; }

    /// <summary>Share of the CPU time in the period that is an estimate, 0 to 1; absent when there was none.</summary>
    public decimal? EstimatedShare { get; init; }

    /// <summary>What it was made by: empty for closing a period.</summary>
    internal string Cause => Voids is not null ? "void " + Voids : Replaces is not null ? "reissue " + Replaces : "";

    internal bool IsDraft => State == "draft";

    /// <summary>The same before it is issued: without a number, and named by what it is for.</summary>
    internal InvoiceDocument AsDraft() => this with { Number = 0, State = "draft", Id = $"draft-{Period}.{Tenant.Id}.{Currency}{(Origin == Period ? "" : "." + Origin)}" };

    internal string Json() => JsonSerializer.Serialize(this, LedgerJson.Options);

    internal static InvoiceDocument Read(string json) => JsonSerializer.Deserialize<InvoiceDocument>(json, LedgerJson.Options)!;

    internal InvoiceDocument Numbered(long number) => this with { Number = number, Id = IdOf(number) };

    internal static string IdOf(long number) => number.ToString("D6", System.Globalization.CultureInfo.InvariantCulture);
}
