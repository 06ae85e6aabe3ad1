namespace Metering.Service.Focus;

/// <summary>When a rule holds for a row.</summary>
/// <param name="Values">One of which the column is, or is not; an empty text is null.</param>
internal sealed record FocusCondition(string Column, bool Is, string[] Values)
{
    public override string ToString() => $"{Column} is {(Is ? "" : "not ")}{string.Join(" or ", Values.Select(value => value.Length == 0 ? "null" : value))}";

    /// <summary>Reads <c>ChargeCategory=Usage|Purchase</c>, <c>ChargeClass!=Correction</c>, <c>InvoiceId=</c> (null).</summary>
    public static FocusCondition Parse(string text)
    {
        var not = text.Contains("!=", StringComparison.Ordinal);
        var cut = text.IndexOf(not ? "!=" : "=", StringComparison.Ordinal);
        return new FocusCondition(text[..cut], !not, text[(cut + (not ? 2 : 1))..].Split('|'));
    }
}
