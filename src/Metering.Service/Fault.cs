using System.Text;

namespace Metering.Service;

/// <summary>One fault of a document.</summary>
/// <param name="Field">Where: <c>prices[0].tiers[1].upTo</c>; empty: the whole document.</param>
public sealed record Fault(string Field, string Message)
{
    /// <summary>The field as a JSON pointer (RFC 6901).</summary>
    public string Pointer
    {
        get
        {
            var pointer = new StringBuilder();
            foreach (var part in Field.Split((char[])['.', '['], StringSplitOptions.RemoveEmptyEntries)) pointer.Append('/').Append(part.TrimEnd(']').Replace("~", "~0").Replace("/", "~1"));
            return pointer.ToString();
        }
    }

    public override string ToString() => Field.Length == 0 ? Message : $"{Field} {Message}";
}
