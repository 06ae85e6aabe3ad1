namespace Metering.Service.Focus;

/// <summary>What a column holds.</summary>
internal enum FocusType
{
    Text,

    /// <summary>Digits, a point, a leading '-'; no exponent, no grouping.</summary>
    Decimal,

    /// <summary><c>YYYY-MM-DDTHH:mm:ssZ</c>.</summary>
    Time,

    /// <summary>One object.</summary>
    Json,
}
