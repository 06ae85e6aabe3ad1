using System.Text;

namespace Metering.EndToEnd.Line;

/// <summary>A strict reader of RFC 4180, so that the writer is not its own judge.</summary>
internal static class Csv
{
    public static List<List<string>> Parse(string text)
    {
        var rows = new List<List<string>>();
        var row = new List<string>();
        var cell = new StringBuilder();
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] == '"')
            {
                if (cell.Length > 0) throw new FormatException($"A quote within a plain cell at {at}.");
                for (at++; text[at] != '"' || (at + 1 < text.Length && text[at + 1] == '"'); at++)
                {
                    cell.Append(text[at]);
                    if (text[at] == '"') at++;
                }
            }
            else if (text[at] is ',' or '\n')
            {
                row.Add(cell.ToString());
                cell.Clear();
                if (text[at] == ',') continue;
                rows.Add(row);
                row = [];
            }
            else if (text[at] != '\r')
            {
                cell.Append(text[at]);
            }
        }

        return rows;
    }
}
