namespace Metering.Service.Focus;

/// <summary>What a dataset tells the ones that are checked after it.</summary>
internal sealed class FocusTallies
{
    /// <summary>Billed cost by invoice and entry, at 19 places; null: no invoice details were checked.</summary>
    public Dictionary<(string Invoice, string Detail), Int128>? Details { get; set; }

    /// <summary>Start and issuer; null: no billing periods were checked.</summary>
    public HashSet<(string Start, string Issuer)>? Periods { get; set; }
}
